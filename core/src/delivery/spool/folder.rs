//! Folders of the spool: one for each process, held by a lock while that runs.
//!
//! What is in them is a function's telemetry: nobody else may read it, and nobody may put something else in its place.
//! Files are 0600 and folders 0700; symbolic links and what belongs to somebody else are refused.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";
const SEGMENT: &str = "seg";
const LOSSES: &str = "lost";

/// Present while something of an earlier process is read. A folder that has it killed the process that read it.
const READING: &str = "reading";

/// As [`READING`], while what is to be announced of a folder is looked for before it is removed.
const REMOVING: &str = "removing";

/// The folder of one process.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as the folder is in use; the system releases it when the process ends, however it ends.
    _lock: File,
}

/// A segment of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SegmentName {
    pub number: u64,
    /// The lane's name, as [`file_name`] writes it; empty where there is none.
    pub lane: String,
}

/// What a folder that was left is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It can be read.
    Sound,
    /// Reading it killed a process: only headers are read, to announce what is in it, and then it is removed.
    Killed,
    /// Reading its headers killed one too: it is removed unread.
    KilledAgain,
}

/// A lane's name as a part of a file's name.
pub(super) fn file_name(lane: &str) -> String {
    let safe = |char: char| char.is_ascii_alphanumeric() || char == '-' || char == '_';
    lane.chars().map(|char| if safe(char) { char } else { '_' }).collect()
}

impl Folder {
    /// Makes the folder of this process below `root`, and `root` where it is missing.
    pub(super) fn create(root: &Path, id: &str) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).recursive(true).create(root)?;
        refuse_foreign(root)?;
        let path = root.join(id);
        DirBuilder::new().mode(0o700).create(&path)?;
        let lock = new_file(&path.join(LOCK))?;
        lock.lock()?;
        Ok(Self { path, _lock: lock })
    }

    /// The folders that earlier processes left, oldest first. Those of processes that still run are not touched.
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

    /// The `id` of the process that made it.
    pub(super) fn id(&self) -> String {
        let name = self.path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// The segments in it, in order.
    pub(super) fn segments(&self) -> Vec<SegmentName> {
        let mut names: Vec<_> = self
            .files(SEGMENT)
            .filter_map(|stem| {
                let (number, lane) = stem.split_once('.').unwrap_or((&stem, ""));
                let lane = lane.to_owned();
                Some(SegmentName {
                    number: number.parse().ok()?,
                    lane,
                })
            })
            // Only what is named as this program names it: `1.seg` is nobody's.
            .filter(|name| self.segment(name).symlink_metadata().is_ok())
            .collect();
        names.sort_by(|one, other| (one.number, &one.lane).cmp(&(other.number, &other.lane)));
        names
    }

    /// The lanes that left losses in it, as [`file_name`] writes them.
    pub(super) fn losses(&self) -> Vec<String> {
        self.files(LOSSES).collect()
    }

    /// The names of the files in it that end like this, without that.
    fn files(&self, suffix: &'static str) -> impl Iterator<Item = String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten();
        let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
        paths
            .filter(move |path| path.extension().is_some_and(|extension| extension == suffix))
            .filter_map(|path| path.file_stem()?.to_str().map(str::to_owned))
    }

    pub(super) fn create_segment(&self, name: &SegmentName) -> io::Result<File> {
        new_file(&self.segment(name))
    }

    pub(super) fn open_segment(&self, name: &SegmentName) -> io::Result<File> {
        existing_file(&self.segment(name))
    }

    pub(super) fn remove_segment(&self, name: &SegmentName) {
        // What cannot be removed is found again by the next process, and repeated: at least once.
        let _ = std::fs::remove_file(self.segment(name));
    }

    /// Replaces what this lane lost.
    pub(super) fn write_losses(&self, lane: &str, text: &str) -> io::Result<()> {
        let path = self.path.join(format!("{lane}.{LOSSES}"));
        let new = self.path.join(format!("{lane}.{LOSSES}.new"));
        let _ = std::fs::remove_file(&new);
        new_file(&new)?.write_all_at(text.as_bytes(), 0)?;
        std::fs::rename(new, path)
    }

    pub(super) fn read_losses(&self, lane: &str, most: u64) -> io::Result<String> {
        let file = existing_file(&self.path.join(format!("{lane}.{LOSSES}")))?;
        let mut text = String::new();
        file.take(most).read_to_string(&mut text)?;
        Ok(text)
    }

    pub(super) fn remove_losses(&self, lane: &str) {
        let _ = std::fs::remove_file(self.path.join(format!("{lane}.{LOSSES}")));
    }

    /// Notes that something in it is about to be read.
    pub(super) fn begin_reading(&self) {
        // Without room for the note it is read all the same.
        let _ = new_file(&self.path.join(READING));
    }

    /// Notes that nothing in it is being read any more.
    pub(super) fn end_reading(&self) {
        let _ = std::fs::remove_file(self.path.join(READING));
    }

    /// Tells what its marks say, and moves them on for the next process to see.
    pub(super) fn trust(&self) -> Trust {
        let (reading, removing) = (self.path.join(READING), self.path.join(REMOVING));
        if removing.exists() {
            Trust::KilledAgain
        } else if reading.exists() {
            let _ = std::fs::rename(reading, removing);
            Trust::Killed
        } else {
            Trust::Sound
        }
    }

    /// Removes it with all that this program may have put there.
    pub(super) fn remove_all(&self) {
        for name in self.segments() {
            self.remove_segment(&name);
        }
        for lane in self.losses() {
            self.remove_losses(&lane);
        }
        let _ = std::fs::remove_file(self.path.join(REMOVING));
        self.remove();
    }

    /// Removes the folder, if nothing but its lock is in it.
    pub(super) fn remove(&self) {
        if self.segments().is_empty() && self.losses().is_empty() {
            self.end_reading();
            let _ = std::fs::remove_file(self.path.join(LOCK));
            let _ = std::fs::remove_dir(&self.path);
        }
    }

    fn segment(&self, name: &SegmentName) -> PathBuf {
        let SegmentName { number, lane } = name;
        let dot = if lane.is_empty() { "" } else { "." };
        self.path.join(format!("{number:08}{dot}{lane}.{SEGMENT}"))
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
