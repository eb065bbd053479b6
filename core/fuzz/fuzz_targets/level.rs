//! Whatever a line of log says: it has one level or none, as text and as JSON, and the table of routes decides.
#![no_main]

use std::sync::Arc;

use forwarder_core::route::{Router, Routes};
use forwarder_core::telemetry::batch::Batch;
use libfuzzer_sys::fuzz_target;

const TABLE: &str = "function level>=warn -> a; * -> b";

fuzz_target!(|line: &str| {
    let routes = Routes::parse(TABLE, &["a", "b"]).unwrap();
    let text = serde_json::to_string(line).unwrap();
    for record in [text.as_str(), line] {
        let body = format!(r#"[{{"time":"t","type":"function","record":{record}}}]"#);
        let mut router = Router::new(Arc::new(routes.clone()));
        for event in Batch::new(body.as_bytes()).flatten() {
            let first = format!("{:?}", router.decide(&event, None));
            assert_eq!(first, format!("{:?}", router.decide(&event, None)));
        }
    }
});
