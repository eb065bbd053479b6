//! Progress of a reader, in a file: positions, what was seen, and what was read but not shown yet.
//!
//! It is written after what it covers has been shown, so that a reader that is killed shows a little once more and
//! leaves nothing out: at least once.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::proof::Totals;
use crate::show::Show;
use crate::stream::Position;
use crate::unpack::Unpacker;

/// Version that is written.
const VERSION: u32 = 1;

/// A file.
#[derive(Debug)]
pub struct CheckpointFile {
    path: PathBuf,
    stream: String,
}

/// Content of a checkpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    version: u32,
    stream: String,
    /// True if the first reader began with the oldest record of the stream.
    pub from_the_beginning: bool,
    /// Position of each shard.
    pub shards: BTreeMap<String, Position>,
    /// Numbers that were seen.
    pub seen: Unpacker,
    /// Lives that are no longer in `seen`.
    pub forgotten: Totals,
    /// Parts that wait for the rest of their lines.
    pub parts: Vec<String>,
    /// Events that wait to be shown.
    pub waiting: Vec<Event>,
    /// Lines that were shown to a receiver which has not accepted them.
    #[serde(default)]
    pub unsent: Vec<Unsent>,
}

/// A line for a receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsent {
    /// The line.
    pub event: Event,
    /// The name of its level, if it is a log line: it may be that of the lines before it.
    pub level: Option<String>,
}

/// State to be kept.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    version: u32,
    stream: &'a str,
    from_the_beginning: bool,
    shards: BTreeMap<String, Position>,
    seen: &'a Unpacker,
    forgotten: Totals,
    parts: Vec<&'a str>,
    waiting: Vec<&'a Event>,
    unsent: &'a [Unsent],
}

/// Reasons why a checkpoint is of no use.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be read.
    #[error("the checkpoint {} cannot be read: {source}", path.display())]
    Unread {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// It is none.
    #[error("{} is no checkpoint of this version: {reason}; move it away to begin again", path.display())]
    NoCheckpoint {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// It belongs to another stream.
    #[error("the checkpoint {} is of the stream {theirs}, not of {ours}; each stream needs a file of its own", path.display())]
    OtherStream {
        /// The file.
        path: PathBuf,
        /// Its stream.
        theirs: String,
        /// The one that is read.
        ours: String,
    },
    /// It cannot be written.
    #[error("the checkpoint {} cannot be written: {source}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

impl CheckpointFile {
    /// The file of this stream's reader.
    #[must_use]
    pub fn new(path: PathBuf, stream: &str) -> Self {
        Self {
            path,
            stream: stream.to_owned(),
        }
    }

    /// Checkpoint of an earlier reader; `None`: there was none.
    ///
    /// # Errors
    /// There is something, but no checkpoint of this stream.
    pub fn read(&self) -> Result<Option<Checkpoint>, CheckpointError> {
        let path = || self.path.clone();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(CheckpointError::Unread { path: path(), source }),
        };
        let none = |reason: String| CheckpointError::NoCheckpoint { path: path(), reason };
        let checkpoint: Checkpoint = serde_json::from_slice(&text).map_err(|error| none(error.to_string()))?;
        if checkpoint.version != VERSION {
            return Err(none(format!("it has the version {}", checkpoint.version)));
        }
        if checkpoint.stream != self.stream {
            return Err(CheckpointError::OtherStream {
                path: path(),
                theirs: checkpoint.stream,
                ours: self.stream.clone(),
            });
        }
        Ok(Some(checkpoint))
    }

    /// Replaces what was kept, wholly or not at all, even if the machine fails meanwhile.
    ///
    /// # Errors
    /// It could not be written; what was kept before is still there.
    pub fn write(
        &self,
        shards: BTreeMap<String, Position>,
        from_the_beginning: bool,
        seen: &Unpacker,
        forgotten: Totals,
        show: &Show,
        unsent: &[Unsent],
    ) -> Result<(), CheckpointError> {
        let kept = Kept {
            version: VERSION,
            stream: &self.stream,
            from_the_beginning,
            shards,
            seen,
            forgotten,
            parts: seen.parts().collect(),
            waiting: show.waiting().collect(),
            unsent,
        };
        self.replace(&kept).map_err(|source| CheckpointError::Unwritten {
            path: self.path.clone(),
            source,
        })
    }

    fn replace(&self, kept: &Kept<'_>) -> io::Result<()> {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(kept)?)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Filter;
    use crate::show::Output;
    use crate::unpack::tests::line;
    use tokio::time::Instant;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("consumer-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self) -> CheckpointFile {
            CheckpointFile::new(self.0.join("checkpoint"), "telemetry")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = Folder::new("again");
        assert!(folder.file().read().unwrap().is_none());
        let mut show = Show::new(Output::Json { on_a_terminal: false }, Filter::default());
        let event = Event::of_line(line("a", 3, "1")).unwrap();
        show.take([event.clone()], Instant::now());
        let shards = BTreeMap::from([
            ("0".to_owned(), Position::Done),
            ("1".to_owned(), Position::After("4711".into())),
            ("2".to_owned(), Position::At(1_795_166_042_000)),
        ]);
        let seen = Unpacker::default();
        for _ in 0..2 {
            let written = folder
                .file()
                .write(shards.clone(), true, &seen, Totals::default(), &show, &[]);
            written.unwrap();
        }
        let read = folder.file().read().unwrap().unwrap();
        assert_eq!(read.shards, shards);
        assert_eq!(read.waiting, [event]);
        assert!(read.from_the_beginning && read.parts.is_empty());
        assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_no_checkpoint_of_this_stream_is_never_overwritten_silently() {
        let folder = Folder::new("other");
        let file = folder.file();
        let show = Show::new(Output::Nothing, Filter::default());
        let written = file.write(
            BTreeMap::new(),
            true,
            &Unpacker::default(),
            Totals::default(),
            &show,
            &[],
        );
        written.unwrap();
        let other = CheckpointFile::new(file.path.clone(), "orders");
        let error = other.read().unwrap_err().to_string();
        assert!(error.contains("is of the stream telemetry, not of orders"), "{error}");
        let text = fs::read_to_string(&file.path).unwrap();
        for broken in [
            text.replace("\"version\":1", "\"version\":2"),
            text[..text.len() - 2].to_owned(),
            String::new(),
        ] {
            fs::write(&file.path, broken).unwrap();
            let error = file.read().unwrap_err().to_string();
            assert!(error.contains("move it away to begin again"), "{error}");
        }
        let nowhere = CheckpointFile::new(folder.0.join("no/such/folder"), "telemetry");
        let error = nowhere.write(
            BTreeMap::new(),
            true,
            &Unpacker::default(),
            Totals::default(),
            &show,
            &[],
        );
        assert!(error.unwrap_err().to_string().contains("cannot be written"));
    }
}
