//! Chunks on disk: what memory cannot hold, and what one life leaves to the next.
//!
//! A Lambda environment's `/tmp` survives a reset (after a time-out, a crash, an out-of-memory kill), though not the end of
//! the environment. Nothing is synced: what must be survived is the end of a process, not of the machine.
//!
//! - `folder`: a folder for each life, locked by it; who may read what.
//! - `segment`: the format of one file, with checksums.
//!
//! Why no crate does this: see `docs/decisions/0002-spool.md`.

mod folder;
mod segment;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use folder::Folder;
use segment::{Entry, Label, Segment};

/// A segment takes no more chunks past this; a whole segment is freed at once. Bytes.
const SEGMENT_BYTES: u64 = 1024 * 1024;

/// When chunks go to disk: `FORWARDER_SPOOL__MODE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpoolMode {
    /// Never.
    Off,
    /// What memory cannot hold, and what is left at the end of a life that has a successor.
    #[default]
    Overflow,
    /// Every chunk before Lambda gets its answer, so that not even SIGKILL loses one.
    Always,
}

impl SpoolMode {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 3] = ["off", "overflow", "always"];

    /// The mode of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "overflow" => Some(Self::Overflow),
            "always" => Some(Self::Always),
            _ => None,
        }
    }
}

/// Where the spool is and how much it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolSettings {
    /// The folder that holds all lives.
    pub dir: PathBuf,
    /// What the files of all lives together may hold. Bytes.
    pub max_bytes: u64,
    /// When chunks go to disk.
    pub mode: SpoolMode,
}

/// A chunk on disk.
#[derive(Debug, Clone)]
pub(crate) struct Spooled {
    /// Whose it is.
    pub id: String,
    /// The sink it was routed to.
    pub sink: String,
    /// First and end of its `seq`.
    pub seq: std::ops::Range<u64>,
    pub ticket: Arc<Ticket>,
}

/// Where a chunk is on disk, and how many pieces of it are still to be delivered.
#[derive(Debug)]
pub(crate) struct Ticket {
    segment: u64,
    entry: Entry,
    pieces: AtomicUsize,
    cut: AtomicBool,
}

impl Ticket {
    /// The chunk was cut into so many more pieces.
    pub(crate) fn add_pieces(&self, more: usize) {
        self.pieces.fetch_add(more, Ordering::Relaxed);
        self.cut.store(more > 0, Ordering::Relaxed);
    }

    /// The chunk was never cut.
    pub(crate) fn is_whole(&self) -> bool {
        !self.cut.load(Ordering::Relaxed)
    }
}

/// The spool of a process: its own life's folder, and those that it took over.
pub(crate) struct Spool {
    settings: SpoolSettings,
    id: String,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Made at the first chunk.
    own: Option<Arc<Folder>>,
    segments: BTreeMap<u64, OpenSegment>,
    /// Takes the next chunk.
    current: Option<u64>,
    next_number: u64,
    /// Segments of earlier lives that are not read yet.
    unread: VecDeque<(Arc<Folder>, u64)>,
    bytes: u64,
    scratch: Vec<u8>,
    /// The disk refused. Said once in a life: a full disk takes a small chunk now and then.
    broken: bool,
}

struct OpenSegment {
    folder: Arc<Folder>,
    number: u64,
    segment: Segment,
    live: usize,
}

impl Spool {
    /// A spool for this life. Nothing is touched yet. `None` if it is switched off.
    pub(crate) fn new(settings: SpoolSettings, id: &str) -> Option<Self> {
        (settings.mode != SpoolMode::Off).then(|| Self {
            settings,
            id: id.to_owned(),
            inner: Mutex::new(Inner {
                own: None,
                segments: BTreeMap::new(),
                current: None,
                next_number: 0,
                unread: VecDeque::new(),
                bytes: 0,
                scratch: Vec::new(),
                broken: false,
            }),
        })
    }

    pub(crate) fn is_always(&self) -> bool {
        self.settings.mode == SpoolMode::Always
    }

    /// Looks for what earlier lives left; [`read_next`](Self::read_next) reads it.
    pub(crate) fn look_for_earlier_lives(&self) {
        let mut inner = self.inner();
        match Folder::abandoned(&self.settings.dir) {
            Ok(folders) => {
                for folder in folders.into_iter().map(Arc::new) {
                    let segments = folder.segments();
                    if segments.is_empty() {
                        folder.remove();
                    }
                    inner
                        .unread
                        .extend(segments.into_iter().map(|number| (Arc::clone(&folder), number)));
                }
            }
            Err(error) => inner.warn(&error),
        }
    }

    /// The chunks in the next segment that an earlier life left. `None` when all are read.
    pub(crate) fn read_next(&self) -> Option<Vec<Spooled>> {
        let mut inner = self.inner();
        let (folder, number) = inner.unread.pop_front()?;
        let opened = folder.open_segment(number).and_then(Segment::open);
        let (segment, entries, torn) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                inner.warn(&error);
                return Some(Vec::new());
            }
        };
        if torn {
            log::warn!(event = "spool_corrupt", segment = number, chunks = entries.len(); "a segment of the spool ends in something that cannot be read; what comes before is delivered");
        }
        let key = inner.next_number;
        inner.next_number += 1;
        inner.bytes += segment.bytes;
        let live = entries.len();
        inner.segments.insert(
            key,
            OpenSegment {
                folder,
                number,
                segment,
                live,
            },
        );
        if live == 0 {
            inner.remove(key);
        }
        Some(entries.into_iter().map(|entry| spooled(key, entry)).collect())
    }

    /// Writes a chunk. `None` if the spool is full, or the disk refuses.
    pub(crate) fn append(&self, id: &str, sink: &str, seq: &std::ops::Range<u64>, lines: &[u8]) -> Option<Spooled> {
        let mut inner = self.inner();
        if inner.bytes + lines.len() as u64 > self.settings.max_bytes {
            return None;
        }
        let label = Label {
            id: id.to_owned(),
            sink: sink.to_owned(),
            first: seq.start,
            end: seq.end,
        };
        let written = inner.append(&self.settings, &self.id, label, lines);
        match written {
            Ok(spooled) => Some(spooled),
            Err(error) => {
                inner.warn(&error);
                None
            }
        }
    }

    /// How much more it takes, in bytes.
    pub(crate) fn room(&self) -> usize {
        self.settings.max_bytes.saturating_sub(self.inner().bytes) as usize
    }

    /// The lines of a chunk. `None` if they cannot be read any more.
    pub(crate) fn read(&self, ticket: &Ticket) -> Option<Bytes> {
        self.inner().segments.get(&ticket.segment)?.segment.read(&ticket.entry)
    }

    /// One piece of a chunk was delivered or given up; after the last one its place is free.
    pub(crate) fn done(&self, ticket: &Ticket) {
        if ticket.pieces.fetch_sub(1, Ordering::Relaxed) != 1 {
            return;
        }
        let mut inner = self.inner();
        let Inner { segments, scratch, .. } = &mut *inner;
        let Some(open) = segments.get_mut(&ticket.segment) else {
            return;
        };
        open.live = open.live.saturating_sub(1);
        if open.live > 0 {
            // If this cannot be noted, the chunk comes twice after a crash: at least once.
            let before = open.segment.bytes;
            let _ = open.segment.done(ticket.entry.offset, scratch);
            let noted = open.segment.bytes - before;
            inner.bytes += noted;
        } else {
            inner.remove(ticket.segment);
        }
    }

    /// The end of this life: removes its folder if nothing is left in it.
    pub(crate) fn close(&self) {
        if let Some(own) = &self.inner().own {
            own.remove();
        }
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spooled(segment: u64, entry: Entry) -> Spooled {
    Spooled {
        id: entry.label.id.clone(),
        sink: entry.label.sink.clone(),
        seq: entry.label.first..entry.label.end,
        ticket: Arc::new(Ticket {
            segment,
            entry,
            pieces: AtomicUsize::new(1),
            cut: AtomicBool::new(false),
        }),
    }
}

impl Inner {
    fn append(&mut self, settings: &SpoolSettings, id: &str, label: Label, lines: &[u8]) -> io::Result<Spooled> {
        let key = match self.current {
            Some(key) => key,
            None => self.begin_segment(settings, id)?,
        };
        let Self { segments, scratch, .. } = self;
        let Some(open) = segments.get_mut(&key) else {
            return Err(io::Error::other("the segment is gone"));
        };
        let before = open.segment.bytes;
        let entry = open.segment.append(label, lines, scratch)?;
        open.live += 1;
        let bytes = open.segment.bytes;
        self.bytes += bytes - before;
        if bytes >= SEGMENT_BYTES {
            self.current = None;
        }
        Ok(spooled(key, entry))
    }

    fn begin_segment(&mut self, settings: &SpoolSettings, id: &str) -> io::Result<u64> {
        let folder = match &self.own {
            Some(folder) => Arc::clone(folder),
            None => {
                let folder = Arc::new(Folder::create(&settings.dir, id)?);
                self.own = Some(Arc::clone(&folder));
                folder
            }
        };
        let key = self.next_number;
        let segment = Segment::create(folder.create_segment(key)?)?;
        self.next_number += 1;
        self.bytes += segment.bytes;
        self.segments.insert(
            key,
            OpenSegment {
                folder,
                number: key,
                segment,
                live: 0,
            },
        );
        self.current = Some(key);
        Ok(key)
    }

    fn remove(&mut self, key: u64) {
        if self.current == Some(key) {
            self.current = None;
        }
        if let Some(open) = self.segments.remove(&key) {
            self.bytes = self.bytes.saturating_sub(open.segment.bytes);
            open.folder.remove_segment(open.number);
            let is_own = self.own.as_ref().is_some_and(|own| Arc::ptr_eq(own, &open.folder));
            if !is_own {
                open.folder.remove();
            }
        }
    }

    fn warn(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.broken, true) {
            log::warn!(event = "spool_unusable", error = error.to_string().as_str(); "the spool cannot be used: lines are kept in memory only");
        }
    }
}
