//! The last good document, on disk: for a process that starts again in this environment.
//!
//! First a line of JSON with its source and version, then its text. It is this user's own, and open to nobody else.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use forwarder_sinks::Document;
use forwarder_sinks::document::Source;
use serde_json::{Value, json};

use crate::files::read_private;

/// A document has no more, with its first line. Bytes.
const MOST: usize = 1024 * 1024 + 4_096;

/// File in the spool's folder.
const FILE: &str = "config";

/// Where the copy is.
#[derive(Debug)]
pub(crate) struct Copy {
    file: PathBuf,
    source: String,
}

impl Copy {
    /// `dir`: the spool's folder.
    pub(crate) fn new(dir: &Path, source: &Source) -> Self {
        Self {
            file: dir.join(FILE),
            source: source.to_string(),
        }
    }

    /// The document, if there is one of this source.
    pub(crate) fn read(&self) -> Option<Document> {
        let text = String::from_utf8(read_private(&self.file, MOST).ok()?).ok()?;
        let (head, text) = text.split_once('\n')?;
        let head: Value = serde_json::from_str(head).ok()?;
        let is_it = head.get("source")?.as_str()? == self.source;
        let version = head.get("version")?.as_str()?.to_owned();
        is_it.then(|| Document {
            text: text.to_owned(),
            version,
        })
    }

    /// Keeps a document. Without a disk there is none: it is read again then.
    pub(super) fn keep(&self, document: &Document) {
        if let Err(error) = self.write(document) {
            log::debug!(event = "config_not_kept", error = error.to_string().as_str(); "the configuration is not kept on disk");
        }
    }

    fn write(&self, document: &Document) -> std::io::Result<()> {
        if let Some(dir) = self.file.parent() {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let part = self.file.with_extension("part");
        let _ = std::fs::remove_file(&part);
        let head = json!({"source": self.source, "version": document.version});
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&part)?;
        write!(file, "{head}\n{}", document.text)?;
        std::fs::rename(part, &self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_of_its_source_and_what_is_broken_is_none() {
        let dir = std::env::temp_dir().join(format!("forwarder-copy-{}", std::process::id()));
        let copy = |source: &str| Copy::new(&dir, &Source::parse(source).unwrap().unwrap());
        let document = Document {
            text: "log = \"info\"\n\n# end".into(),
            version: "\"e-tag\"".into(),
        };
        let own = copy("s3://bucket/key");
        assert_eq!(own.read(), None);
        own.keep(&document);
        own.keep(&document);
        assert_eq!(own.read(), Some(document));
        assert_eq!(copy("ssm:/other").read(), None);
        for broken in ["", "{}", "{}\n", "nonsense\nlog"] {
            std::fs::write(dir.join(FILE), broken).unwrap();
            assert_eq!(own.read(), None, "{broken}");
        }
        std::fs::remove_dir_all(dir).unwrap();
    }
}
