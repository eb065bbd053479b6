//! From a path to the files below it, in the order of their names, which is the order in which Firehose wrote them.

use std::fs;
use std::path::PathBuf;

use super::{Unopened, unopened};

/// Folders within folders that are entered.
const DEEPEST: usize = 64;

/// Files that are still to come: of each open folder what is left of it, so that no more than one folder a level is kept.
pub(super) struct Walk {
    /// The path that was asked for, which is read whatever its name.
    first: Option<PathBuf>,
    /// Each with its names in reverse order.
    folders: Vec<Vec<PathBuf>>,
}

impl Walk {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            first: Some(path),
            folders: Vec::new(),
        }
    }

    fn enter(&mut self, folder: PathBuf) -> Result<(), Unopened> {
        let read = || -> std::io::Result<Vec<PathBuf>> {
            let mut paths = Vec::new();
            for entry in fs::read_dir(&folder)? {
                let entry = entry?;
                let name = entry.file_name();
                // Hidden files, and what others keep beside their data, such as `_SUCCESS`.
                let is_hidden = matches!(name.as_encoded_bytes().first(), Some(b'.' | b'_'));
                // A link to a folder may lead back here.
                let is_a_linked_folder = entry.file_type()?.is_symlink() && entry.path().is_dir();
                if !is_hidden && !is_a_linked_folder {
                    paths.push(entry.path());
                }
            }
            paths.sort_unstable_by(|one, other| other.cmp(one));
            Ok(paths)
        };
        let paths = read().map_err(|source| unopened(&folder, source))?;
        self.folders.push(paths);
        Ok(())
    }
}

impl Iterator for Walk {
    type Item = Result<PathBuf, Unopened>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = match self.first.take() {
                Some(path) => path,
                None => match self.folders.last_mut()?.pop() {
                    Some(path) => path,
                    None => {
                        self.folders.pop();
                        continue;
                    }
                },
            };
            if !path.is_dir() {
                return Some(Ok(path));
            }
            if self.folders.len() >= DEEPEST {
                let source = std::io::Error::other("it is too deep in folders");
                return Some(Err(unopened(&path, source)));
            }
            if let Err(error) = self.enter(path) {
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_their_names() {
        let folder = std::env::temp_dir().join(format!("consumer-walk-{}", std::process::id()));
        for name in [
            "2026/11/20/10/b.gz",
            "2026/11/20/09/c.gz",
            "2026/11/20/10/a.gz",
            "_SUCCESS",
            ".x",
        ] {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink(&folder, folder.join("2026/again")).unwrap();
        let found: Vec<_> = Walk::new(folder.clone())
            .map(|path| path.unwrap().strip_prefix(&folder).unwrap().display().to_string())
            .collect();
        let alone: Vec<_> = Walk::new(folder.join("_SUCCESS")).map(Result::unwrap).collect();
        let missing = Walk::new(folder.join("nowhere")).count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            found,
            ["2026/11/20/09/c.gz", "2026/11/20/10/a.gz", "2026/11/20/10/b.gz"]
        );
        assert_eq!((alone.len(), missing), (1, 1), "what is named is read, or said");
    }
}
