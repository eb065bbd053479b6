//! Whatever an aggregated record holds whose checksum is right: lines or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use reader::decode::decode;

const MAGIC: [u8; 4] = [0xf3, 0x89, 0x9a, 0xc2];

fuzz_target!(|message: &[u8]| {
    let record = [&MAGIC, message, Md5::digest(message).as_slice()].concat();
    if let Ok(decoded) = decode(&record) {
        let bytes: usize = decoded.lines().map(|line| line.0.len()).sum();
        assert!(bytes <= record.len(), "{bytes}");
    }
});
