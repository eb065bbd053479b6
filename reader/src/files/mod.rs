//! Files instead of a stream: what Firehose wrote, as objects in folders, or on standard input. Read one after the other
//! in a thread of their own, in pieces of whole lines, so that memory is bounded whatever their size.
//!
//! # Layout
//! In the order of the data:
//! - `walk`: from paths to files, in the order of their names
//! - `inflate`: gzip and zstd, one after the other as Firehose writes them
//! - `cut`: bytes into pieces of whole lines

mod cut;
mod inflate;
mod walk;

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use tokio::sync::mpsc;

use crate::decode::decode;
use crate::stream::Record;
use crate::unpack::Unreadable;

use cut::Cutter;
use inflate::Inflated;
use walk::Walk;

/// The path that means standard input.
pub const STANDARD_INPUT: &str = "-";

/// Pieces that wait for whoever reads them.
const WAITING: usize = 4;

/// Bytes that are read at once.
const BLOCK: usize = 256 * 1024;

/// News of files.
#[derive(Debug)]
pub enum Piece {
    /// Whole lines of a file: as a record, whose shard is the file's path; and what cannot be read among them.
    Lines {
        /// The lines.
        record: Record,
        /// Number of lines of the file before these.
        before: u64,
    },
    /// Lines that cannot be read.
    Bad(Unreadable),
    /// The file cannot be read any further.
    Broken(Unreadable),
}

/// A path that cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be read: {source}")]
pub struct Unopened {
    path: String,
    source: io::Error,
}

/// Files that are being read.
#[derive(Debug)]
pub struct Files {
    pieces: mpsc::Receiver<Result<Piece, Unopened>>,
    /// Begun so far.
    begun: u64,
    current: String,
}

impl Files {
    /// Begins to read these files and folders; `-` is standard input.
    ///
    /// # Errors
    /// There is no such path.
    pub fn open(paths: Vec<PathBuf>) -> Result<Self, Unopened> {
        for path in paths.iter().filter(|path| !is_standard_input(path)) {
            std::fs::metadata(path).map_err(|source| unopened(path, source))?;
        }
        let (sender, pieces) = mpsc::channel(WAITING);
        // A thread of its own: one that waits for standard input keeps nobody from ending.
        std::thread::spawn(move || {
            // Whoever no longer listens has enough.
            let _ = read(paths, &sender);
        });
        Ok(Self {
            pieces,
            begun: 0,
            current: String::new(),
        })
    }

    /// Waits for the next piece; `None`: that was all. Cancelled, it loses nothing.
    ///
    /// # Errors
    /// A file or folder cannot be opened.
    pub async fn next(&mut self) -> Option<Result<Piece, Unopened>> {
        let piece = self.pieces.recv().await?;
        let path = match &piece {
            Ok(Piece::Lines { record, .. }) => &record.shard,
            Ok(Piece::Bad(unreadable) | Piece::Broken(unreadable)) => &unreadable.shard,
            Err(_) => return Some(piece),
        };
        if *path != self.current {
            self.begun += 1;
            self.current.clone_from(path);
        }
        Some(piece)
    }

    /// Number of files of which something was read.
    #[must_use]
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// The file that is being read.
    #[must_use]
    pub fn current(&self) -> &str {
        &self.current
    }
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == STANDARD_INPUT
}

fn unopened(path: &Path, source: io::Error) -> Unopened {
    Unopened {
        path: path.display().to_string(),
        source,
    }
}

type Sender = mpsc::Sender<Result<Piece, Unopened>>;

/// Nobody listens any more.
struct Unheard;

fn send(sender: &Sender, piece: Result<Piece, Unopened>) -> Result<(), Unheard> {
    sender.blocking_send(piece).map_err(|_| Unheard)
}

fn read(paths: Vec<PathBuf>, sender: &Sender) -> Result<(), Unheard> {
    for path in paths {
        if is_standard_input(&path) {
            lines("standard input", io::stdin().lock(), sender)?;
            continue;
        }
        for found in Walk::new(path) {
            match found.and_then(|path| match File::open(&path) {
                Ok(file) => Ok((path, file)),
                Err(source) => Err(unopened(&path, source)),
            }) {
                Ok((path, file)) => lines(&path.display().to_string(), file, sender)?,
                Err(error) => send(sender, Err(error))?,
            }
        }
    }
    Ok(())
}

/// Sends the lines of one file.
fn lines(path: &str, file: impl Read, sender: &Sender) -> Result<(), Unheard> {
    // Twice: Firehose can compress what the sink has compressed.
    let once = Inflated::new(BufReader::with_capacity(BLOCK, file));
    let mut text = Inflated::new(BufReader::with_capacity(BLOCK, once));
    let mut cutter = Cutter::new(path);
    let mut block = vec![0; BLOCK];
    loop {
        let pieces = match text.read(&mut block) {
            Ok(0) => cutter.finish(),
            Ok(read) => cutter.take(block.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                for piece in cutter.finish() {
                    send(sender, Ok(piece))?;
                }
                return send(sender, Ok(cutter.broken(&error)));
            }
        };
        for piece in pieces {
            send(sender, Ok(piece))?;
        }
        if cutter.is_finished() {
            return Ok(());
        }
    }
}

/// When the first event of these lines happened; 1970 where none says so. Files do not tell when a line arrived.
fn first_time(text: &[u8]) -> SystemTime {
    let time = decode(text).ok().and_then(|decoded| {
        let times = decoded.lines().filter_map(|line| {
            let event = line.event().ok()?;
            humantime::parse_rfc3339_weak(event.time.as_deref()?).ok()
        });
        { times }.next()
    });
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
