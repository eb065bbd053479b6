//! One small entry in memory for each segment, whatever is in it, and the files that are open.

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::folder::{Folder, SegmentName};

/// Segments that are open at once.
const OPEN_FILES: usize = 4;

pub(super) struct Index {
    /// Made at the first chunk.
    pub(super) own: Option<Arc<Folder>>,
    /// By age: what earlier processes left comes first.
    pub(super) segments: BTreeMap<u64, Segment>,
    /// Of the segments used last.
    pub(super) files: VecDeque<(u64, Arc<File>)>,
    pub(super) uses: Vec<Use>,
    pub(super) next_found: u64,
    pub(super) next_own: u64,
    pub(super) scratch: Vec<u8>,
    /// The disk refused. Said once: a full disk takes a small chunk now and then.
    pub(super) broken: bool,
}

/// What a lane uses.
#[derive(Debug, Default)]
pub(super) struct Use {
    /// The segment that takes the next chunk.
    pub(super) current: Option<u64>,
    pub(super) bytes: u64,
    /// The lane ends: it may use what is kept for its final report.
    pub(super) is_ending: bool,
}

pub(super) struct Segment {
    pub(super) folder: Arc<Folder>,
    pub(super) name: SegmentName,
    pub(super) lane: usize,
    pub(super) bytes: u64,
    /// Chunks that are not done.
    pub(super) live: usize,
    /// An earlier process wrote it.
    pub(super) is_found: bool,
}

impl Index {
    pub(super) fn add(&mut self, key: u64, segment: Segment, bytes: u64) {
        if let Some(used) = self.uses.get_mut(segment.lane) {
            used.bytes += bytes;
        }
        self.segments.insert(key, Segment { bytes, ..segment });
    }

    /// The file of a segment, opened if it is not.
    pub(super) fn file(&mut self, key: u64) -> io::Result<Arc<File>> {
        if let Some((_, file)) = self.files.iter().find(|(other, _)| *other == key) {
            return Ok(Arc::clone(file));
        }
        let segment = self.segments.get(&key).ok_or(io::ErrorKind::NotFound)?;
        let file = Arc::new(segment.folder.open_segment(&segment.name)?);
        self.keep_open(key, Arc::clone(&file));
        Ok(file)
    }

    pub(super) fn keep_open(&mut self, key: u64, file: Arc<File>) {
        self.files.truncate(OPEN_FILES - 1);
        self.files.push_front((key, file));
    }

    /// Reads something of a segment. What an earlier process left is marked meanwhile: if it kills this one, the next
    /// does without.
    pub(super) fn reading<T>(&mut self, key: u64, read: impl FnOnce(&File) -> T) -> io::Result<T> {
        let file = self.file(key)?;
        let found = self.segments.get(&key).filter(|segment| segment.is_found);
        let folder = found.map(|segment| Arc::clone(&segment.folder));
        folder.iter().for_each(|folder| folder.begin_reading());
        let result = read(&file);
        folder.iter().for_each(|folder| folder.end_reading());
        Ok(result)
    }

    pub(super) fn remove(&mut self, key: u64) {
        self.files.retain(|(other, _)| *other != key);
        let Some(segment) = self.segments.remove(&key) else {
            return;
        };
        if let Some(used) = self.uses.get_mut(segment.lane) {
            used.bytes = used.bytes.saturating_sub(segment.bytes);
            used.current = used.current.filter(|current| *current != key);
        }
        segment.folder.remove_segment(&segment.name);
        if segment.is_found {
            segment.folder.remove();
        }
    }

    pub(super) fn warn(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.broken, true) {
            log::warn!(event = "spool_unusable", error = error.to_string().as_str(); "the spool cannot be used: lines are kept in memory only");
        }
    }
}
