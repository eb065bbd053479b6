//! Whatever a body holds: it is taken, each line that leaves is JSON, and a reader finds the numbers complete.
#![no_main]

#[path = "world.rs"]
mod world;

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use reader::decode::{Standing, Verifier, decode};

fuzz_target!(|body: &[u8]| {
    let (records, undelivered) = world::runtime().block_on(async {
        let (forwarder, kept) = world::forwarder(None);
        forwarder.accept(body);
        let deadline = std::time::Instant::now() + Duration::from_secs(5);
        let undelivered = forwarder.close(deadline.into(), false).await;
        let records = std::mem::take(&mut *kept.0.lock().unwrap());
        (records, undelivered)
    });
    assert!(undelivered.iter().all(|undelivered| undelivered.dropped.is_empty()));
    let mut verifier = Verifier::default();
    for record in &records {
        let decoded = decode(&record.data).expect("a record that can be decoded");
        for line in decoded.lines() {
            let event = line.event().expect("a line that can be read");
            verifier.observe(&event);
            serde_json::from_str::<serde_json::Value>(line.0).expect("a line that is JSON");
        }
    }
    for life in verifier.report() {
        assert_eq!(life.standing, Standing::Complete, "{life:?}");
    }
});
