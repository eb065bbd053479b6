//! The format of one file of the spool: a version, then entries that are only ever appended.
//!
//! ```text
//! segment = "TFSPOOL1" { entry }
//! entry   = kind u8 · sink length u8 · id [16] · first u64 · end u64 · payload length u32 · payload CRC-32 u32
//!           · header CRC-32 u32 (of all before, and the sink) · sink · payload          little endian
//! ```
//! `kind` 1 is a chunk; 2 says that the chunk at offset `first` is done. A header that does not check ends the segment: it
//! was torn by a crash, and what follows cannot be found. So does one that no forwarder writes: a chunk over
//! [`MAX_CHUNK_BYTES`], or with more lines than its bytes can hold.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use crate::record::origin::Origin;

const MAGIC: &[u8; 8] = b"TFSPOOL1";
pub(super) const HEADER_BYTES: usize = 1 + 1 + ID_BYTES + 8 + 8 + 4 + 4 + 4;
const ID_BYTES: usize = 16;
const CHUNK: u8 = 1;
const DONE: u8 = 2;

/// No chunk is longer: it becomes one record, and no service takes one of over 10 MiB. Bytes.
pub(super) const MAX_CHUNK_BYTES: u32 = 10 * 1024 * 1024;

/// No segment has more entries: one of 1 MiB, which is full, has room for 22,000 headers, and each may be noted as done.
const MAX_ENTRIES: usize = 65_536;

/// A line has at least two bytes, `{}` or its line feed and one more.
const LEAST_LINE: u64 = 2;

/// What is read at once to find headers. Bytes.
const WINDOW_BYTES: usize = 16 * 1024;

/// The place of a chunk in its segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub offset: u64,
    payload: u32,
    sink_bytes: u8,
    payload_crc: u32,
}

/// A chunk that is in a segment, and not done.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub owner: Arc<Origin>,
    pub seq: Range<u64>,
    pub place: Place,
}

/// What is in a segment.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub entries: Vec<Entry>,
    /// It ends in something that cannot be read.
    pub torn: bool,
}

/// Begins a segment in a new file. Its size in bytes.
pub(super) fn create(file: &File) -> io::Result<u64> {
    file.write_all_at(MAGIC, 0)?;
    Ok(MAGIC.len() as u64)
}

/// Appends a chunk at `offset`, the end of the segment. After a failure the segment is as it was.
pub(super) fn append(
    file: &File,
    offset: u64,
    owner: &Origin,
    seq: &Range<u64>,
    payload: &[u8],
    scratch: &mut Vec<u8>,
) -> io::Result<(Place, u64)> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    if length > MAX_CHUNK_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a chunk of over 10 MiB"));
    }
    let payload_crc = crc(&[payload]);
    let sink_bytes = write_header(scratch, CHUNK, owner, seq, length, payload_crc);
    scratch.extend_from_slice(payload);
    write(file, offset, scratch)?;
    let place = Place {
        offset,
        payload: length,
        sink_bytes,
        payload_crc,
    };
    Ok((place, scratch.len() as u64))
}

/// Notes at `end` that the chunk at `offset` need not be delivered again. Returns what that took, in bytes.
pub(super) fn done(file: &File, end: u64, offset: u64, scratch: &mut Vec<u8>) -> io::Result<u64> {
    let nobody = Origin {
        id: String::new(),
        sink: String::new(),
    };
    write_header(scratch, DONE, &nobody, &(offset..0), 0, 0);
    write(file, end, scratch)?;
    Ok(scratch.len() as u64)
}

fn write(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let written = file.write_all_at(bytes, offset);
    if written.is_err() {
        // Half an entry would end the segment for its reader.
        let _ = file.set_len(offset);
    }
    written
}

/// The lines of a chunk; `None` if they cannot be read or do not check.
pub(super) fn read(file: &File, place: &Place) -> Option<Bytes> {
    // The length was checked when the place was found.
    let mut payload = vec![0; place.payload as usize];
    let start = place.offset + HEADER_BYTES as u64 + u64::from(place.sink_bytes);
    file.read_exact_at(&mut payload, start).ok()?;
    (crc(&[&payload]) == place.payload_crc).then(|| Bytes::from(payload))
}

/// Finds the chunks that are not done, reading headers only.
pub(super) fn list(file: &File) -> io::Result<Listing> {
    let length = file.metadata()?.len();
    let mut window = Window {
        file,
        start: 0,
        bytes: Vec::new(),
    };
    let mut listing = Listing::default();
    if window.get(0, MAGIC.len()).is_none_or(|magic| magic != MAGIC) {
        listing.torn = true;
        return Ok(listing);
    }
    let mut owners: BTreeMap<Arc<Origin>, ()> = BTreeMap::new();
    let mut done: HashSet<u64> = HashSet::new();
    let mut offset = MAGIC.len() as u64;
    let mut entries = 0;
    while offset < length {
        let header = window
            .header(offset)
            .filter(|header| entries < MAX_ENTRIES && offset + header.size <= length);
        let Some(header) = header else {
            listing.torn = true;
            break;
        };
        entries += 1;
        match header.kind {
            CHUNK if header.is_plausible() => {
                let place = header.place(offset);
                // One owner for all of its chunks.
                let owner = Arc::new(header.owner);
                let owner = match owners.get_key_value(&owner) {
                    Some((known, ())) => Arc::clone(known),
                    None => {
                        owners.insert(Arc::clone(&owner), ());
                        owner
                    }
                };
                let seq = header.seq;
                listing.entries.push(Entry { owner, seq, place });
            }
            CHUNK => {
                listing.torn = true;
                break;
            }
            DONE => drop(done.insert(header.seq.start)),
            // A kind of a later version.
            _ => {}
        }
        offset += header.size;
    }
    listing.entries.retain(|entry| !done.contains(&entry.place.offset));
    Ok(listing)
}

/// A part of a file in memory, for headers that follow one another.
struct Window<'a> {
    file: &'a File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window<'_> {
    /// The `length` bytes at `offset`; `None` if the file has no such.
    fn get(&mut self, offset: u64, length: usize) -> Option<&[u8]> {
        let end = offset.checked_add(length as u64)?;
        if offset < self.start || end > self.start + self.bytes.len() as u64 {
            self.bytes.resize(WINDOW_BYTES.max(length), 0);
            self.start = offset;
            let mut filled = 0;
            while let Some(rest) = self.bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
                match self.file.read_at(rest, offset + filled as u64) {
                    Ok(0) | Err(_) => break,
                    Ok(bytes) => filled += bytes,
                }
            }
            self.bytes.truncate(filled);
        }
        let from = usize::try_from(offset - self.start).ok()?;
        self.bytes.get(from..from + length)
    }

    /// `None` if there is no sound header at this offset.
    fn header(&mut self, offset: u64) -> Option<Header> {
        let sink_bytes = *self.get(offset, HEADER_BYTES)?.get(1)?;
        let bytes = self.get(offset, HEADER_BYTES + usize::from(sink_bytes))?;
        let (header, sink) = bytes.split_at_checked(HEADER_BYTES)?;
        let mut rest = header;
        let [kind, _] = take(&mut rest)?;
        let id: [u8; ID_BYTES] = take(&mut rest)?;
        let first = u64::from_le_bytes(take(&mut rest)?);
        let end = u64::from_le_bytes(take(&mut rest)?);
        let payload = u32::from_le_bytes(take(&mut rest)?);
        let payload_crc = u32::from_le_bytes(take(&mut rest)?);
        let header_crc = u32::from_le_bytes(take(&mut rest)?);
        if crc(&[header.get(..HEADER_BYTES - 4)?, sink]) != header_crc {
            return None;
        }
        Some(Header {
            kind,
            owner: Origin {
                id: String::from_utf8_lossy(&id).trim_end_matches('\0').to_owned(),
                sink: String::from_utf8(sink.to_vec()).ok()?,
            },
            seq: first..end,
            sink_bytes,
            payload,
            payload_crc,
            size: (HEADER_BYTES + sink.len()) as u64 + u64::from(payload),
        })
    }
}

struct Header {
    kind: u8,
    owner: Origin,
    seq: Range<u64>,
    sink_bytes: u8,
    payload: u32,
    payload_crc: u32,
    /// Of the whole entry, in bytes.
    size: u64,
}

impl Header {
    /// Some forwarder may have written this chunk.
    fn is_plausible(&self) -> bool {
        let lines = self.seq.end.checked_sub(self.seq.start);
        self.payload <= MAX_CHUNK_BYTES
            && lines.is_some_and(|lines| lines > 0 && lines <= u64::from(self.payload) / LEAST_LINE)
    }

    fn place(&self, offset: u64) -> Place {
        Place {
            offset,
            payload: self.payload,
            sink_bytes: self.sink_bytes,
            payload_crc: self.payload_crc,
        }
    }
}

/// Writes a header into `out`, and nothing else. Returns the bytes of the sink's name in it.
fn write_header(out: &mut Vec<u8>, kind: u8, owner: &Origin, seq: &Range<u64>, payload: u32, payload_crc: u32) -> u8 {
    out.clear();
    // Names of sinks come from variables' names, which are far shorter than 256 bytes; ids have 16.
    let sink = owner.sink.as_bytes();
    let sink_bytes = u8::try_from(sink.len()).unwrap_or(u8::MAX);
    let sink = sink.get(..usize::from(sink_bytes)).unwrap_or_default();
    out.extend_from_slice(&[kind, sink_bytes]);
    let mut id = [0; ID_BYTES];
    id.iter_mut().zip(owner.id.bytes()).for_each(|(to, from)| *to = from);
    out.extend_from_slice(&id);
    out.extend_from_slice(&seq.start.to_le_bytes());
    out.extend_from_slice(&seq.end.to_le_bytes());
    out.extend_from_slice(&payload.to_le_bytes());
    out.extend_from_slice(&payload_crc.to_le_bytes());
    let header_crc = crc(&[out, sink]);
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(sink);
    sink_bytes
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

pub(super) fn crc(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}
