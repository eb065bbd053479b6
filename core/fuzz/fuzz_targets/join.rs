//! Whatever lines come, in whatever order: what waits to be joined are lines that came, with what it costs to keep them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reader::decode::{Joined, Joiner};

/// What keeping one part, and its line, costs at most beside its text. Bytes.
const KEPT: usize = 1_024;

fuzz_target!(|lines: &str| {
    let mut joiner = Joiner::default();
    let (mut came, mut joined) = (0, 0);
    for line in lines.lines() {
        came += line.len() + KEPT;
        if let Joined::Line(line) = joiner.take(line) {
            joined += line.len();
        }
        assert!(joiner.waiting_bytes() <= came);
        assert!(joined <= came, "no line becomes longer than its parts");
    }
    joiner.give_up();
});
