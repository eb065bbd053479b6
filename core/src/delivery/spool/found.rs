//! What earlier processes left on disk.
//!
//! It is read by whoever comes next in this environment, and others may write there too: it is bounded before it is read.

use std::sync::Arc;

use super::folder::{Folder, SegmentName, Trust};
use super::segment::{self, MAX_CHUNK_BYTES};
use super::{Index, SEGMENT_BYTES, Segment, Spool, losses};
use crate::record::ranges::{DropReason, Losses};

/// No segment is longer: chunks up to its size, one more, and as much again to note that they are done. Bytes.
const MAX_SEGMENT_BYTES: u64 = 2 * SEGMENT_BYTES + MAX_CHUNK_BYTES as u64;

/// What was found, by lane.
#[derive(Default)]
pub(crate) struct Found {
    /// Segments to be listed when their turn comes.
    pub segments: Vec<(usize, u64)>,
    /// What is to be announced.
    pub losses: Vec<(usize, Losses)>,
    /// What held those losses.
    sources: Vec<Source>,
}

enum Source {
    Losses(Arc<Folder>, String),
    Segment(Arc<Folder>, SegmentName),
    Folder(Arc<Folder>),
}

impl Spool {
    /// Looks for what earlier processes left. Once the losses are safe, [`forget`](Self::forget) what held them.
    pub(crate) fn look_for_earlier(&self) -> Found {
        let mut inner = self.inner();
        let mut found = Found::default();
        let folders = Folder::abandoned(&self.settings.dir).unwrap_or_else(|error| {
            inner.warn(&error);
            Vec::new()
        });
        let mut sizes = Vec::new();
        for folder in folders.into_iter().map(Arc::new) {
            match folder.trust() {
                Trust::Sound => self.adopt(&folder, &mut inner, &mut found, &mut sizes),
                Trust::Killed => {
                    log::warn!(event = "spool_removed", id = folder.id().as_str(); "reading this folder of the spool ended a process: it is removed, and what its headers name is announced as lost");
                    for name in folder.segments() {
                        self.announce(&folder, &name, DropReason::SpoolCorrupt, &mut found);
                    }
                    self.take_losses(&folder, &mut found);
                    found.sources.push(Source::Folder(folder));
                }
                Trust::KilledAgain => {
                    log::warn!(event = "spool_removed", id = folder.id().as_str(); "reading this folder of the spool ended two processes: it is removed unread, and what was in it is lost");
                    folder.remove_all();
                }
            }
        }
        self.bound(&mut inner, &mut found, sizes);
        found
    }

    /// What was found is held elsewhere now.
    pub(crate) fn forget(&self, found: Found) {
        let mut inner = self.inner();
        inner.files.clear();
        for source in found.sources {
            match source {
                Source::Losses(folder, lane) => {
                    folder.remove_losses(&lane);
                    folder.remove();
                }
                Source::Segment(folder, name) => {
                    folder.remove_segment(&name);
                    folder.remove();
                }
                Source::Folder(folder) => folder.remove_all(),
            }
        }
    }

    fn adopt(&self, folder: &Arc<Folder>, inner: &mut Index, found: &mut Found, sizes: &mut Vec<(u64, u64)>) {
        for name in folder.segments() {
            let metadata = folder.open_segment(&name).and_then(|file| file.metadata());
            let bytes = match metadata {
                Ok(metadata) => metadata.len(),
                Err(error) => {
                    inner.warn(&error);
                    continue;
                }
            };
            if bytes > MAX_SEGMENT_BYTES {
                log::warn!(event = "spool_corrupt", segment = name.number, bytes; "a segment of the spool is larger than any that is written: it is not read");
                self.announce(folder, &name, DropReason::SpoolCorrupt, found);
                found.sources.push(Source::Segment(Arc::clone(folder), name));
                continue;
            }
            let lane = self.lane_of(folder, &name);
            let key = inner.next_found;
            inner.next_found += 1;
            let segment = Segment {
                folder: Arc::clone(folder),
                name,
                lane,
                bytes: 0,
                live: 0,
                is_found: true,
            };
            inner.add(key, segment, bytes);
            found.segments.push((lane, key));
            sizes.push((key, bytes));
        }
        self.take_losses(folder, found);
        folder.remove();
    }

    /// The oldest give way to what the spool may hold.
    fn bound(&self, inner: &mut Index, found: &mut Found, sizes: Vec<(u64, u64)>) {
        let mut bytes: u64 = inner.uses.iter().map(|used| used.bytes).sum();
        for (key, size) in sizes {
            if bytes <= self.settings.max_bytes {
                return;
            }
            bytes = bytes.saturating_sub(size);
            found.segments.retain(|(_, other)| *other != key);
            let Some(segment) = inner.segments.remove(&key) else {
                continue;
            };
            if let Some(used) = inner.uses.get_mut(segment.lane) {
                used.bytes = used.bytes.saturating_sub(segment.bytes);
            }
            self.announce(&segment.folder, &segment.name, DropReason::BufferFull, found);
            found.sources.push(Source::Segment(segment.folder, segment.name));
        }
    }

    /// Notes what the headers of a segment name as lost.
    fn announce(&self, folder: &Arc<Folder>, name: &SegmentName, reason: DropReason, found: &mut Found) {
        let listing = folder.open_segment(name).and_then(|file| segment::list(&file));
        let mut losses = Losses::default();
        for entry in listing.map(|listing| listing.entries).unwrap_or_default() {
            losses.add(&entry.owner, reason, None, &entry.seq);
        }
        if !losses.is_empty() {
            found.losses.push((self.lane_of(folder, name), losses));
        }
    }

    fn take_losses(&self, folder: &Arc<Folder>, found: &mut Found) {
        for lane in folder.losses() {
            let text = folder.read_losses(&lane, losses::MAX_BYTES);
            match text.ok().as_deref().and_then(losses::read) {
                Some(losses) => found.losses.push((self.lane_named(&lane), losses)),
                None => {
                    log::warn!(event = "spool_corrupt", id = folder.id().as_str(); "what an earlier process noted as lost cannot be read");
                }
            }
            found.sources.push(Source::Losses(Arc::clone(folder), lane));
        }
    }

    /// The lane that a segment is for. Where its name does not say, its first chunk does.
    fn lane_of(&self, folder: &Folder, name: &SegmentName) -> usize {
        if !name.lane.is_empty() {
            return self.lane_named(&name.lane);
        }
        folder.begin_reading();
        let listing = folder.open_segment(name).and_then(|file| segment::list(&file));
        folder.end_reading();
        let entries = listing.map(|listing| listing.entries).unwrap_or_default();
        let sink = entries.first().map(|entry| super::folder::file_name(&entry.owner.sink));
        sink.map_or(0, |sink| self.lane_named(&sink))
    }

    /// Of a sink that is not configured any more, lines go to the first.
    fn lane_named(&self, name: &str) -> usize {
        self.lanes.iter().position(|lane| lane == name).unwrap_or(0)
    }
}
