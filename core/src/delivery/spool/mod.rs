//! Chunks on disk: what memory cannot hold, and what one process leaves to the next.
//!
//! A Lambda environment's `/tmp` survives a reset (after a time-out, a crash, an out-of-memory kill), though not the
//! end of the environment. Nothing is synced: what must be survived is the end of a process, not of the machine.
//!
//! - `folder`: a folder for each process, locked by it; who may read what.
//! - `segment`: the format of one file, with checksums; `losses`: of what was given up and not announced.
//! - `index`: the small entry in memory for each segment, and the files that are open.
//! - `found`: what earlier processes left.
//!
//! In memory is one small entry for each segment, whatever is in it; a segment is opened, and its chunks are listed,
//! when its lane needs them. A segment belongs to one lane, so that one that is full of a sick lane's chunks keeps no
//! other's.
//!
//! Why no crate does this: see `docs/decisions/0002-spool.md`; why segments are listed late,
//! `0121-segments-per-lane.md`.

mod folder;
mod found;
mod index;
mod losses;
mod segment;
mod settings;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::record::origin::Origin;
use crate::record::ranges::Losses;
use folder::{Folder, SegmentName};
use index::{Index, Segment, Use};
use segment::Place;
pub use settings::{SpoolMode, SpoolSettings};

/// A segment takes no more chunks past this; a whole segment is freed at once. Bytes.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// A small spool has smaller segments, so that it frees room before all of it is delivered: so many, or of this size.
const SEGMENTS: u64 = 16;
const LEAST_SEGMENT_BYTES: u64 = 64 * 1024;

/// What a chunk takes on disk besides its lines, at most. Bytes.
pub(crate) const ENTRY_BYTES: usize = segment::HEADER_BYTES + u8::MAX as usize;

/// What a segment costs in memory, its file's name included. Bytes.
const SEGMENT_COST: usize = 256;

/// Each lane is sure of its part of the disk, divided by this; the rest is for whoever needs it first.
const SHARED_PART: u64 = 2;

/// Room that is kept on disk for each lane's final report, and no more than its part of the disk, divided by
/// `KEPT_PART`.
const LAST_WORDS_BYTES: u64 = 16 * 1024;
const KEPT_PART: u64 = 8;

/// Where a chunk is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub segment: u64,
    place: Place,
}

impl Ticket {
    /// Tickets of a segment are ordered by this, the oldest first.
    pub(crate) fn offset(&self) -> u64 {
        self.place.offset
    }
}

/// A chunk on disk.
#[derive(Debug, Clone)]
pub(crate) struct OnDisk {
    pub owner: Arc<Origin>,
    pub seq: Range<u64>,
    pub ticket: Ticket,
}

/// The spool of a process: its own folder, and those that it took over.
pub(crate) struct Spool {
    settings: SpoolSettings,
    id: String,
    /// The lanes' names, as files have them.
    lanes: Vec<String>,
    inner: Mutex<Index>,
}

/// The number of this process's first segment: what is found comes before.
const FIRST_OWN: u64 = 1 << 32;

impl Spool {
    /// A spool for this process. Nothing is touched yet. `None` if it is switched off.
    pub(crate) fn new(settings: SpoolSettings, id: &str, lanes: &[&str]) -> Option<Self> {
        (settings.mode != SpoolMode::Off).then(|| Self {
            settings,
            id: id.to_owned(),
            lanes: lanes.iter().map(|lane| folder::file_name(lane)).collect(),
            inner: Mutex::new(Index {
                own: None,
                segments: BTreeMap::new(),
                files: VecDeque::new(),
                uses: lanes.iter().map(|_| Use::default()).collect(),
                next_found: 0,
                next_own: FIRST_OWN,
                scratch: Vec::new(),
                broken: false,
            }),
        })
    }

    pub(crate) fn is_always(&self) -> bool {
        self.settings.mode == SpoolMode::Always
    }

    /// Writes a chunk. `None` if the lane's share is full, or the disk refuses.
    pub(crate) fn append(&self, lane: usize, owner: &Origin, seq: &Range<u64>, lines: &[u8]) -> Option<Ticket> {
        let mut inner = self.inner();
        if self.room_in(&inner, lane) < lines.len() as u64 {
            return None;
        }
        match self.append_in(&mut inner, lane, owner, seq, lines) {
            Ok(ticket) => Some(ticket),
            Err(error) => {
                inner.warn(&error);
                None
            }
        }
    }

    fn append_in(
        &self,
        inner: &mut Index,
        lane: usize,
        owner: &Origin,
        seq: &Range<u64>,
        lines: &[u8],
    ) -> io::Result<Ticket> {
        let current = inner.uses.get(lane).and_then(|used| used.current);
        let key = match current {
            Some(key) => key,
            None => self.begin_segment(inner, lane)?,
        };
        let file = inner.file(key)?;
        let gone = || io::Error::other("the segment is gone");
        let Index { segments, scratch, .. } = inner;
        let segment = segments.get_mut(&key).ok_or_else(gone)?;
        let (place, bytes) = segment::append(&file, segment.bytes, owner, seq, lines, scratch)?;
        if scratch.capacity() > KEPT_SCRATCH {
            *scratch = Vec::new();
        }
        segment.live += 1;
        segment.bytes += bytes;
        let is_full = segment.bytes >= self.segment_bytes();
        if let Some(used) = inner.uses.get_mut(lane) {
            used.bytes += bytes;
            used.current = (!is_full).then_some(key);
        }
        Ok(Ticket { segment: key, place })
    }

    fn begin_segment(&self, inner: &mut Index, lane: usize) -> io::Result<u64> {
        let folder = self.own_folder(inner)?;
        let key = inner.next_own;
        let name = SegmentName {
            number: key - FIRST_OWN,
            lane: self.lanes.get(lane).cloned().unwrap_or_default(),
        };
        let file = folder.create_segment(&name)?;
        let bytes = segment::create(&file)?;
        inner.next_own += 1;
        let segment = Segment {
            folder,
            name,
            lane,
            bytes: 0,
            live: 0,
            is_found: false,
        };
        inner.add(key, segment, bytes);
        inner.keep_open(key, Arc::new(file));
        if let Some(used) = inner.uses.get_mut(lane) {
            used.current = Some(key);
        }
        Ok(key)
    }

    fn own_folder(&self, inner: &mut Index) -> io::Result<Arc<Folder>> {
        if let Some(folder) = &inner.own {
            return Ok(Arc::clone(folder));
        }
        let folder = Arc::new(Folder::create(&self.settings.dir, &self.id)?);
        inner.own = Some(Arc::clone(&folder));
        Ok(folder)
    }

    fn segment_bytes(&self) -> u64 {
        (self.settings.max_bytes / SEGMENTS).clamp(LEAST_SEGMENT_BYTES, SEGMENT_BYTES)
    }

    /// How much more it takes of this lane, in bytes.
    pub(crate) fn room(&self, lane: usize) -> usize {
        usize::try_from(self.room_in(&self.inner(), lane)).unwrap_or(usize::MAX)
    }

    /// What others are sure of is not for this lane.
    fn room_in(&self, inner: &Index, lane: usize) -> u64 {
        let lanes = inner.uses.len().max(1) as u64;
        let sure = self.settings.max_bytes / (lanes * SHARED_PART);
        let others = inner.uses.iter().enumerate().filter(|(other, _)| *other != lane);
        let taken: u64 = others.map(|(_, used)| used.bytes.max(sure)).sum();
        let own = inner.uses.get(lane).map_or(0, |used| used.bytes);
        // A full spool still takes each lane's final report: without it nobody can tell that what is there is all.
        let kept = LAST_WORDS_BYTES.min(self.settings.max_bytes / (lanes * KEPT_PART));
        let not_ended = inner.uses.iter().filter(|used| !used.is_ending).count() as u64;
        self.settings
            .max_bytes
            .saturating_sub(taken)
            .saturating_sub(own)
            .saturating_sub(kept * not_ended)
    }

    /// Gives a lane, at its end, the room that is kept for its final report.
    pub(crate) fn begin_end(&self, lane: usize) {
        if let Some(used) = self.inner().uses.get_mut(lane) {
            used.is_ending = true;
        }
    }

    /// The chunks of a segment that are not done, the oldest first.
    ///
    /// # Errors
    /// The segment cannot be opened.
    pub(crate) fn list(&self, key: u64) -> io::Result<Vec<OnDisk>> {
        let mut inner = self.inner();
        let listing = inner.reading(key, segment::list)??;
        if listing.torn {
            log::warn!(event = "spool_corrupt", segment = key, chunks = listing.entries.len(); "a segment of the spool ends in something that cannot be read; what comes before is delivered");
        }
        if let Some(segment) = inner.segments.get_mut(&key) {
            segment.live = listing.entries.len();
        }
        if listing.entries.is_empty() {
            inner.remove(key);
        }
        let entries = listing.entries.into_iter().map(|entry| OnDisk {
            owner: entry.owner,
            seq: entry.seq,
            ticket: Ticket {
                segment: key,
                place: entry.place,
            },
        });
        Ok(entries.collect())
    }

    /// The lines of a chunk. `None` if they cannot be read any more.
    pub(crate) fn read(&self, ticket: &Ticket) -> Option<Bytes> {
        let mut inner = self.inner();
        inner
            .reading(ticket.segment, |file| segment::read(file, &ticket.place))
            .ok()?
    }

    /// True if an earlier process wrote it.
    pub(crate) fn is_found(&self, ticket: &Ticket) -> bool {
        let inner = self.inner();
        inner
            .segments
            .get(&ticket.segment)
            .is_some_and(|segment| segment.is_found)
    }

    /// A chunk was delivered or given up. After the last one of a segment its place is free.
    pub(crate) fn done(&self, ticket: &Ticket) {
        let mut inner = self.inner();
        let Some(segment) = inner.segments.get_mut(&ticket.segment) else {
            return;
        };
        segment.live = segment.live.saturating_sub(1);
        if segment.live == 0 {
            inner.remove(ticket.segment);
            return;
        }
        let (lane, end) = (segment.lane, segment.bytes);
        let Ok(file) = inner.file(ticket.segment) else { return };
        // If this cannot be noted, the chunk comes twice after a crash: at least once.
        let noted = segment::done(&file, end, ticket.place.offset, &mut inner.scratch).unwrap_or(0);
        if let Some(segment) = inner.segments.get_mut(&ticket.segment) {
            segment.bytes += noted;
        }
        if let Some(used) = inner.uses.get_mut(lane) {
            used.bytes += noted;
        }
    }

    /// So many chunks of a segment were given up, which is not noted there. After the last one its place is free.
    pub(crate) fn give_up(&self, segment: u64, chunks: usize) {
        let mut inner = self.inner();
        let Some(known) = inner.segments.get_mut(&segment) else {
            return;
        };
        known.live = known.live.saturating_sub(chunks);
        if known.live == 0 {
            inner.remove(segment);
        }
    }

    /// Leaves to the next process what this lane gave up and has not announced. `false` if the disk refuses.
    pub(crate) fn save_losses(&self, lane: usize, losses: &Losses) -> bool {
        let mut inner = self.inner();
        let Some(name) = self.lanes.get(lane) else { return false };
        if losses.is_empty() {
            inner.own.iter().for_each(|own| own.remove_losses(name));
            return true;
        }
        let folder = self.own_folder(&mut inner);
        let saved = folder.and_then(|folder| folder.write_losses(name, &losses::write(losses)));
        saved.inspect_err(|error| inner.warn(error)).is_ok()
    }

    /// Memory that this lane's part of the index takes, in bytes.
    pub(crate) fn cost(&self, lane: usize) -> usize {
        let inner = self.inner();
        let segments = inner.segments.values().filter(|segment| segment.lane == lane);
        SEGMENT_COST * segments.count()
    }

    /// The end of this process: removes its folder if nothing is left in it.
    pub(crate) fn close(&self) {
        let mut inner = self.inner();
        inner.files.clear();
        inner.own.iter().for_each(|own| own.remove());
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Index> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buffer of what is written is given back after a chunk that is longer. Bytes.
const KEPT_SCRATCH: usize = 256 * 1024;
