//! Folders of the spool: one for each life, held by a lock while that life lasts.
//!
//! What is in them is a function's telemetry: nobody else may read it, and nobody may put something else in its place.
//! Files are 0600 and folders 0700; symbolic links and what belongs to somebody else are refused.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const SUFFIX: &str = "seg";

/// The folder of one life.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the folder is in use; the system releases it when the process ends, however it ends.
    _lock: File,
}

impl Folder {
    /// Makes the folder of a new life below `root`, and `root` where it is missing.
    pub(super) fn create(root: &Path, id: &str) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).recursive(true).create(root)?;
        refuse_foreign(root)?;
        let path = root.join(id);
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = new_file(&path.join(LOCK))?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// The folders that earlier lives left, oldest first. Those of lives that still last are not touched.
    pub(super) fn abandoned(root: &Path) -> io::Result<Vec<Self>> {
        let entries = match std::fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        refuse_foreign(root)?;
        let mut folders = Vec::new();
        for entry in entries.filter_map(Result::ok) {
            let path = entry.path();
            let adopted = refuse_foreign(&path)
                .and_then(|()| existing_file(&path.join(LOCK)))
                .and_then(|lock| Ok(lock.try_lock().map(|()| lock)?));
            if let Ok(lock) = adopted {
                let changed = entry.metadata().and_then(|metadata| metadata.modified()).ok();
                folders.push((changed, Self { path, _lock: lock }));
            }
        }
        folders.sort_by_key(|(changed, _)| *changed);
        Ok(folders.into_iter().map(|(_, folder)| folder).collect())
    }

    /// The numbers of the segments in it, in order.
    pub(super) fn segments(&self) -> Vec<u64> {
        let entries = std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .filter_map(Result::ok);
        let mut numbers: Vec<u64> = entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|suffix| suffix == SUFFIX))
            .filter_map(|path| path.file_stem()?.to_str()?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers
    }

    pub(super) fn create_segment(&self, number: u64) -> io::Result<File> {
        new_file(&self.segment(number))
    }

    pub(super) fn open_segment(&self, number: u64) -> io::Result<File> {
        existing_file(&self.segment(number))
    }

    pub(super) fn remove_segment(&self, number: u64) {
        // What cannot be removed is found again by the next life, and repeated: at least once.
        let _ = std::fs::remove_file(self.segment(number));
    }

    /// Removes the folder, if nothing but its lock is in it.
    pub(super) fn remove(&self) {
        if self.segments().is_empty() {
            let _ = std::fs::remove_file(self.path.join(LOCK));
            let _ = std::fs::remove_dir(&self.path);
        }
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:08}.{SUFFIX}"))
    }
}

fn new_file(path: &Path) -> io::Result<File> {
    // `create_new` never follows a link.
    OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

fn existing_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.uid() == own_uid()? {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the file belongs to somebody else",
        ))
    }
}

fn refuse_foreign(path: &Path) -> io::Result<()> {
    // Of the link itself, if it is one.
    let metadata = path.symlink_metadata()?;
    if metadata.is_dir() && metadata.uid() == own_uid()? && metadata.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "the folder is a link, belongs to somebody else, or is open to others",
        ))
    }
}

fn own_uid() -> io::Result<u32> {
    Ok(std::fs::metadata("/proc/self")?.uid())
}
