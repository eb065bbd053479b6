//! Whatever is in the place of an event: its pieces are of the body, and reading them again finds the same.
#![no_main]

use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::change::Change;
use forwarder_core::telemetry::invocation::Attribution;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|event: &[u8]| {
    let body = [b"[", event, b"]"].concat();
    let range = body.as_ptr_range();
    let mut attribution = Attribution::new(false);
    let mut pieces = 0;
    for item in Batch::new(&body) {
        match item {
            Ok(event) => {
                assert!(range.contains(&event.raw.as_ptr()));
                assert!(event.record.is_none_or(|record| event.raw.contains(record)));
                attribution.observe(&event);
                Change::of(&event);
                event.is_own_line();
                let body = format!("[{}]", event.raw);
                let again: Vec<_> = Batch::new(body.as_bytes()).collect();
                assert_eq!(again.len(), 1);
                assert!(
                    again[0]
                        .as_ref()
                        .is_ok_and(|again| again.record == event.record && again.kind.name() == event.kind.name())
                );
            }
            Err(malformed) => assert!(malformed.raw.is_empty() || range.contains(&malformed.raw.as_ptr())),
        }
        pieces += 1;
        assert!(pieces <= body.len());
    }
});
