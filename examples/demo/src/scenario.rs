//! Which functions there are and what is asked of them.

use std::time::Duration;

use local_lambda::LogFormat;

/// A function and its invocations, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) log_format: LogFormat,
    pub(crate) timeout: Duration,
    pub(crate) steps: &'static [Step],
}

/// One invocation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// Text of the progress line.
    pub(crate) title: &'static str,
    /// The event that the test function gets: see its README.
    pub(crate) event: &'static str,
}

/// All functions. They run side by side, and their telemetry goes to one stream.
pub(crate) const SCRIPTS: [Script; 2] = [
    Script {
        name: "checkout",
        log_format: LogFormat::Text,
        // One invocation runs into it.
        timeout: Duration::from_secs(2),
        steps: &[
            step("a cold start", r#"{"lines":3,"message":"order accepted"}"#),
            step(
                "lines of every level",
                r#"{"lines":6,"level":"mixed","message":"looking at the cart"}"#,
            ),
            step(
                "as Node.js logs",
                r#"{"lines":2,"level":"warn","format":"node","message":"stock is low"}"#,
            ),
            step(
                "terminal escapes in a line",
                r#"{"message":"a line that would clear your screen: \u001b[2J\u001b[H"}"#,
            ),
            step(
                "an error with a stack trace",
                r#"{"lines":1,"message":"charging the card","stackTrace":true,"fail":"error"}"#,
            ),
            step(
                "a crash",
                r#"{"lines":2,"level":"error","message":"last words before the crash","fail":"exit"}"#,
            ),
            step(
                "a time-out",
                r#"{"lines":2,"message":"last words before the time-out","late":true}"#,
            ),
            step("and on it goes", r#"{"lines":2,"message":"order accepted"}"#),
        ],
    },
    Script {
        name: "payments",
        log_format: LogFormat::Json,
        timeout: Duration::from_secs(10),
        steps: &[
            step(
                "a cold start with JSON logs",
                r#"{"lines":3,"format":"json","message":"payment authorised"}"#,
            ),
            step(
                "JSON lines of every level",
                r#"{"lines":6,"level":"mixed","format":"json","message":"asking the bank"}"#,
            ),
            step(
                "a stack trace as JSON",
                r#"{"lines":1,"format":"json","message":"refunding","stackTrace":true,"sleepMs":100}"#,
            ),
            step(
                "a burst of 200 lines",
                r#"{"lines":200,"format":"json","message":"settling a batch","sleepMs":100}"#,
            ),
            step(
                "plain lines under the JSON log format",
                r#"{"lines":2,"message":"done for today"}"#,
            ),
        ],
    },
];

const fn step(title: &'static str, event: &'static str) -> Step {
    Step { title, event }
}

/// Invocations of all functions together.
pub(crate) fn invocations() -> usize {
    SCRIPTS.iter().map(|script| script.steps.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_json() {
        for step in SCRIPTS.iter().flat_map(|script| script.steps) {
            serde_json::from_str::<serde_json::Value>(step.event).unwrap_or_else(|error| panic!("{step:?}: {error}"));
        }
        assert_eq!(invocations(), 13);
    }
}
