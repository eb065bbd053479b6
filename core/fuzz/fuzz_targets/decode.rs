//! Whatever a record holds: lines or an error, within the bound.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reader::decode::decode_within;

const MOST: usize = 4 << 20;

fuzz_target!(|record: &[u8]| {
    if let Ok(decoded) = decode_within(record, MOST) {
        let bytes: usize = decoded.lines().map(|line| line.0.len()).sum();
        assert!(bytes <= MOST.max(record.len()), "{bytes}");
        for line in decoded.lines() {
            let _ = line.event();
        }
    }
});
