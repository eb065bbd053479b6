//! One file of the spool: a format version, then entries that are only ever appended.
//!
//! ```text
//! segment = "TFSPOOL1" { entry }
//! entry   = kind u8 · sink length u8 · id [16] · first u64 · end u64 · payload length u32 · payload CRC-32 u32
//!           · header CRC-32 u32 (of all before, and the sink) · sink · payload          little endian
//! ```
//! `kind` 1 is a chunk; 2 says that the chunk at offset `first` is done. A header that does not check ends the segment: it
//! was torn by a crash, and what follows cannot be found.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use bytes::Bytes;

const MAGIC: &[u8; 8] = b"TFSPOOL1";
const HEADER_BYTES: usize = 1 + 1 + ID_BYTES + 8 + 8 + 4 + 4 + 4;
const ID_BYTES: usize = 16;
const CHUNK: u8 = 1;
const DONE: u8 = 2;

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub id: String,
    pub sink: String,
    pub first: u64,
    pub end: u64,
}

/// An entry that is there, and not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub offset: u64,
    pub label: Label,
    payload: u32,
    payload_crc: u32,
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    file: File,
    pub bytes: u64,
}

impl Segment {
    /// Begins a segment in a new file.
    pub(super) fn create(file: File) -> io::Result<Self> {
        file.write_all_at(MAGIC, 0)?;
        Ok(Self {
            file,
            bytes: MAGIC.len() as u64,
        })
    }

    /// Reads the headers of a segment that an earlier life left. `true` if its tail is torn.
    pub(super) fn open(file: File) -> io::Result<(Self, Vec<Entry>, bool)> {
        let length = file.metadata()?.len();
        let mut segment = Self { file, bytes: 0 };
        let mut magic = [0; MAGIC.len()];
        if segment.file.read_exact_at(&mut magic, 0).is_err() || magic != *MAGIC {
            return Ok((segment, Vec::new(), true));
        }
        segment.bytes = MAGIC.len() as u64;
        let mut entries: Vec<Entry> = Vec::new();
        while segment.bytes < length {
            let Some((kind, entry, size)) = segment.read_header(segment.bytes, length) else {
                return Ok((segment, entries, true));
            };
            segment.bytes += size;
            match kind {
                CHUNK => entries.push(entry),
                DONE => entries.retain(|other| other.offset != entry.label.first),
                // A kind of a later version.
                _ => {}
            }
        }
        Ok((segment, entries, false))
    }

    /// `None` if there is no whole, sound entry at this offset.
    fn read_header(&self, offset: u64, length: u64) -> Option<(u8, Entry, u64)> {
        let mut header = [0; HEADER_BYTES];
        self.file.read_exact_at(&mut header, offset).ok()?;
        let mut rest = header.as_slice();
        let [kind, sink_bytes] = take(&mut rest)?;
        let id: [u8; ID_BYTES] = take(&mut rest)?;
        let first = u64::from_le_bytes(take(&mut rest)?);
        let end = u64::from_le_bytes(take(&mut rest)?);
        let payload = u32::from_le_bytes(take(&mut rest)?);
        let payload_crc = u32::from_le_bytes(take(&mut rest)?);
        let header_crc = u32::from_le_bytes(take(&mut rest)?);
        let mut sink = vec![0; usize::from(sink_bytes)];
        self.file.read_exact_at(&mut sink, offset + HEADER_BYTES as u64).ok()?;
        let size = (HEADER_BYTES + sink.len()) as u64 + u64::from(payload);
        if crc(&[header.get(..HEADER_BYTES - 4)?, &sink]) != header_crc || offset.checked_add(size)? > length {
            return None;
        }
        let label = Label {
            id: String::from_utf8_lossy(&id).trim_end_matches('\0').to_owned(),
            sink: String::from_utf8(sink).ok()?,
            first,
            end,
        };
        let entry = Entry {
            offset,
            label,
            payload,
            payload_crc,
        };
        Some((kind, entry, size))
    }

    /// Appends a chunk. After a failure the segment is as it was.
    pub(super) fn append(&mut self, label: Label, payload: &[u8], scratch: &mut Vec<u8>) -> io::Result<Entry> {
        let too_large = || io::Error::new(io::ErrorKind::InvalidInput, "a chunk of over 4 GiB");
        let length = u32::try_from(payload.len()).map_err(|_| too_large())?;
        let payload_crc = crc(&[payload]);
        write_header(scratch, CHUNK, &label, length, payload_crc);
        scratch.extend_from_slice(payload);
        let offset = self.write(scratch)?;
        Ok(Entry {
            offset,
            label,
            payload: length,
            payload_crc,
        })
    }

    /// Notes that the chunk at this offset need not be delivered again.
    pub(super) fn done(&mut self, offset: u64, scratch: &mut Vec<u8>) -> io::Result<()> {
        let label = Label {
            id: String::new(),
            sink: String::new(),
            first: offset,
            end: 0,
        };
        write_header(scratch, DONE, &label, 0, 0);
        self.write(scratch).map(drop)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        let offset = self.bytes;
        if let Err(error) = self.file.write_all_at(bytes, offset) {
            // Half an entry would end the segment for its reader.
            let _ = self.file.set_len(offset);
            return Err(error);
        }
        self.bytes += bytes.len() as u64;
        Ok(offset)
    }

    /// The lines of a chunk; `None` if they cannot be read or do not check.
    pub(super) fn read(&self, entry: &Entry) -> Option<Bytes> {
        let mut payload = vec![0; entry.payload as usize];
        let start = entry.offset + (HEADER_BYTES + entry.label.sink.len()) as u64;
        self.file.read_exact_at(&mut payload, start).ok()?;
        (crc(&[&payload]) == entry.payload_crc).then(|| Bytes::from(payload))
    }
}

fn write_header(out: &mut Vec<u8>, kind: u8, label: &Label, payload: u32, payload_crc: u32) {
    out.clear();
    // Names of sinks come from variables' names, which are far shorter than 256 bytes; ids are 16.
    let sink = label.sink.as_bytes();
    let sink = sink.get(..sink.len().min(usize::from(u8::MAX))).unwrap_or_default();
    out.push(kind);
    out.push(sink.len() as u8);
    let mut id = [0; ID_BYTES];
    id.iter_mut().zip(label.id.bytes()).for_each(|(to, from)| *to = from);
    out.extend_from_slice(&id);
    out.extend_from_slice(&label.first.to_le_bytes());
    out.extend_from_slice(&label.end.to_le_bytes());
    out.extend_from_slice(&payload.to_le_bytes());
    out.extend_from_slice(&payload_crc.to_le_bytes());
    let header_crc = crc(&[out, sink]);
    out.extend_from_slice(&header_crc.to_le_bytes());
    out.extend_from_slice(sink);
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}
