//! Whatever stamps the lines carry: a verdict on each life, in which nothing is counted twice.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reader::decode::{Line, Verifier};

fuzz_target!(|lines: &str| {
    let mut verifier = Verifier::default();
    let mut seen = 0_u64;
    for line in lines.lines() {
        if let Ok(event) = Line(line).event() {
            verifier.observe(&event);
            seen += 1;
        }
    }
    let mut lives = verifier.report();
    let counted: u64 = lives.iter().map(|life| life.events).sum();
    assert!(counted <= seen, "{counted} of {seen}");
    for life in &mut lives {
        life.from_the_middle(1);
        life.lost_lines();
    }
});
