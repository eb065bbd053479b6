//! Compressions: by name, and at work on whole records. gzip and zstd are at level 1.
//!
//! Neither can fail, nor pass a known size: whatever a compressor does not make smaller, or does not do at all, is
//! stored as it is in a member or frame written here. How much that adds is what sizes are computed with.

use bytes::Bytes;

/// Compression of a whole record after packing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Nothing.
    #[default]
    None,
    /// One gzip member, level 1.
    #[cfg(feature = "gzip")]
    Gzip,
    /// One zstd frame, level 1.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Compression {
    /// The names, as a configuration has them; some may not be built in.
    pub const NAMES: [&str; 3] = ["none", "gzip", "zstd"];

    /// The compression of this name, if it is built in. Each is built in by the feature of its name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "none" => Some(Self::None),
            #[cfg(feature = "gzip")]
            "gzip" => Some(Self::Gzip),
            #[cfg(feature = "zstd")]
            "zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// Its name, as a configuration has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// Growth of `length` bytes in the worst case, which is data that cannot be compressed. Bytes; never less for
    /// a greater length.
    pub(super) fn growth(self, length: usize) -> usize {
        match self {
            Self::None => {
                let _ = length;
                0
            }
            #[cfg(feature = "gzip")]
            Self::Gzip => gzip_growth(length),
            #[cfg(feature = "zstd")]
            Self::Zstd => zstd_growth(length),
        }
    }
}

/// A compression at work. What it needs is allocated with the first record and used again for each.
pub(super) struct Compressor {
    compression: Compression,
    #[cfg(feature = "gzip")]
    gzip: Option<Gzip>,
    #[cfg(feature = "zstd")]
    zstd: Option<Zstd>,
}

impl Compressor {
    /// A compressor that has allocated nothing yet.
    pub(super) fn new(compression: Compression) -> Self {
        Self {
            compression,
            #[cfg(feature = "gzip")]
            gzip: None,
            #[cfg(feature = "zstd")]
            zstd: None,
        }
    }

    /// The compressed record.
    pub(super) fn compress(&mut self, packed: Bytes) -> Bytes {
        match self.compression {
            Compression::None => packed,
            #[cfg(feature = "gzip")]
            Compression::Gzip => self.gzip.get_or_insert_with(Gzip::new).compress(&packed),
            #[cfg(feature = "zstd")]
            Compression::Zstd => self.zstd.get_or_insert_with(Zstd::new).compress(&packed),
        }
    }
}

/// Both compressors' fastest level but for zstd's negative ones: records are compressed while a function waits.
#[cfg(any(feature = "gzip", feature = "zstd"))]
const LEVEL: i32 = 1;

/// Most that gzip adds to `length` bytes.
#[cfg(feature = "gzip")]
fn gzip_growth(length: usize) -> usize {
    GZIP_FRAME + 5 * length.div_ceil(GZIP_BLOCK).max(1)
}

/// Most that zstd adds to `length` bytes.
#[cfg(feature = "zstd")]
fn zstd_growth(length: usize) -> usize {
    ZSTD_HEADER + 3 * length.div_ceil(ZSTD_BLOCK).max(1)
}

/// Header and trailer of a gzip member, bytes. RFC 1952.
#[cfg(feature = "gzip")]
const GZIP_FRAME: usize = 10 + 8;

/// The most that a stored block of deflate holds, bytes. RFC 1951, 3.2.4.
#[cfg(feature = "gzip")]
const GZIP_BLOCK: usize = 65_535;

/// Magic number, descriptor and a content size of four bytes. RFC 8878, 3.1.1.
#[cfg(feature = "zstd")]
const ZSTD_HEADER: usize = 4 + 1 + 4;

/// The most that a block of zstd holds, bytes. RFC 8878, 3.1.1.2.4.
#[cfg(feature = "zstd")]
const ZSTD_BLOCK: usize = 128 * 1024;

/// Writes gzip members.
#[cfg(feature = "gzip")]
struct Gzip {
    deflate: flate2::Compress,
    out: Vec<u8>,
}

#[cfg(feature = "gzip")]
impl Gzip {
    fn new() -> Self {
        Self {
            deflate: flate2::Compress::new(flate2::Compression::new(LEVEL.unsigned_abs()), false),
            out: Vec::new(),
        }
    }

    fn compress(&mut self, data: &[u8]) -> Bytes {
        let Self { deflate, out } = self;
        out.clear();
        out.reserve(data.len() + gzip_growth(data.len()));
        // Deflate, no name, no time, made by nobody in particular.
        out.extend_from_slice(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        let header = out.len();
        deflate.reset();
        let status = deflate.compress_vec(data, out, flate2::FlushCompress::Finish);
        let stored = GZIP_FRAME - 8 + data.len() + 5 * data.len().div_ceil(GZIP_BLOCK).max(1);
        if !matches!(status, Ok(flate2::Status::StreamEnd)) || out.len() > stored {
            out.truncate(header);
            store_deflate(data, out);
        }
        let mut crc = flate2::Crc::new();
        crc.update(data);
        out.extend_from_slice(&crc.sum().to_le_bytes());
        out.extend_from_slice(&crc.amount().to_le_bytes());
        Bytes::copy_from_slice(out)
    }
}

#[cfg(feature = "gzip")]
fn store_deflate(data: &[u8], out: &mut Vec<u8>) {
    for (block, last) in blocks(data, GZIP_BLOCK) {
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(last));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
}

/// Writes zstd frames.
#[cfg(feature = "zstd")]
struct Zstd {
    /// `None` where the C library could not be set up.
    compressor: Option<zstd::bulk::Compressor<'static>>,
    out: Vec<u8>,
}

#[cfg(feature = "zstd")]
impl Zstd {
    fn new() -> Self {
        Self {
            compressor: zstd::bulk::Compressor::new(LEVEL).ok(),
            out: Vec::new(),
        }
    }

    fn compress(&mut self, data: &[u8]) -> Bytes {
        let Self { compressor, out } = self;
        let most = data.len() + zstd_growth(data.len());
        out.clear();
        out.reserve(most);
        let compressed = compressor
            .as_mut()
            .and_then(|compressor| compressor.compress_to_buffer(data, out).ok());
        if compressed.is_none_or(|length| length > most) {
            store_zstd(data, out);
        }
        Bytes::copy_from_slice(out)
    }
}

#[cfg(feature = "zstd")]
fn store_zstd(data: &[u8], out: &mut Vec<u8>) {
    out.clear();
    // The frame is one segment, its content size has four bytes; no checksum, no dictionary.
    out.extend_from_slice(&[0x28, 0xb5, 0x2f, 0xfd, 0b1010_0000]);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
    for (block, last) in blocks(data, ZSTD_BLOCK) {
        // A raw block: bit 0 the last, bits 1 and 2 its kind, 0, then its size.
        let header = u32::try_from(block.len() << 3).unwrap_or(u32::MAX) | u32::from(last);
        let [low, middle, high, _] = header.to_le_bytes();
        out.extend_from_slice(&[low, middle, high]);
        out.extend_from_slice(block);
    }
}

/// The data in blocks of `size`, and whether each is the last; no data is one empty block.
#[cfg(any(feature = "gzip", feature = "zstd"))]
fn blocks(data: &[u8], size: usize) -> impl Iterator<Item = (&[u8], bool)> {
    let empty = data.is_empty().then_some((data, true));
    let count = data.len().div_ceil(size);
    let full = data.chunks(size).enumerate();
    empty
        .into_iter()
        .chain(full.map(move |(index, block)| (block, index + 1 == count)))
}

#[cfg(test)]
#[cfg(all(feature = "gzip", feature = "zstd"))]
mod tests {
    use std::io::Read;

    use super::*;

    fn gunzip(data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        flate2::bufread::MultiGzDecoder::new(data)
            .read_to_end(&mut out)
            .unwrap();
        out
    }

    /// Sizes around the blocks' bounds; text that compresses well, and noise that does not at all.
    fn samples() -> Vec<Vec<u8>> {
        let sizes = [
            0, 1, 2, 100, 65_534, 65_535, 65_536, 131_072, 131_073, 262_144, 1_000_000,
        ];
        let noise = |size: usize| {
            let mut random = fastrand::Rng::with_seed(size as u64);
            (0..size).map(|_| random.u8(..)).collect::<Vec<u8>>()
        };
        sizes
            .into_iter()
            .flat_map(|size| [noise(size), b"text ".iter().copied().cycle().take(size).collect()])
            .collect()
    }

    #[test]
    fn what_is_compressed_comes_back_and_stays_within_its_bound() {
        let (mut gzip, mut zstd) = (Gzip::new(), Zstd::new());
        for data in samples() {
            let (gzipped, zstandard) = (gzip.compress(&data), zstd.compress(&data));
            assert!(gunzip(&gzipped) == data, "gzip of {} bytes", data.len());
            assert!(
                zstd::decode_all(&zstandard[..]).unwrap() == data,
                "zstd of {} bytes",
                data.len()
            );
            assert!(
                gzipped.len() <= data.len() + gzip_growth(data.len()),
                "gzip of {} bytes",
                data.len()
            );
            assert!(
                zstandard.len() <= data.len() + zstd_growth(data.len()),
                "zstd of {} bytes",
                data.len()
            );
        }
    }

    #[test]
    fn what_is_stored_comes_back_and_is_what_the_bound_says() {
        for data in samples() {
            let mut out = Vec::new();
            store_zstd(&data, &mut out);
            assert_eq!(out.len(), data.len() + zstd_growth(data.len()));
            assert!(zstd::decode_all(&out[..]).unwrap() == data, "{} bytes", data.len());
            out.clear();
            store_deflate(&data, &mut out);
            assert_eq!(out.len() + GZIP_FRAME, data.len() + gzip_growth(data.len()));
            let mut inflated = Vec::new();
            flate2::bufread::DeflateDecoder::new(&out[..])
                .read_to_end(&mut inflated)
                .unwrap();
            assert!(inflated == data, "{} bytes", data.len());
        }
    }

    #[test]
    fn without_the_library_frames_are_stored() {
        let mut zstd = Zstd {
            compressor: None,
            out: Vec::new(),
        };
        assert_eq!(zstd::decode_all(&zstd.compress(b"lines\n")[..]).unwrap(), b"lines\n");
    }
}
