//! `keep=…`: what an invocation's end decides.

use std::fmt;
use std::time::Duration;

use super::field::lookup_path;
use crate::telemetry::event::{Event, Kind};
use crate::telemetry::json::unescape;

/// Which invocations are worth keeping.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// `keep=failed`: those that end with another status than `success`.
    Failed,
    /// `keep=slow>500ms`: those that run longer.
    SlowerThan(Duration),
}

/// End of an invocation, as far as its last event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outcome {
    /// Its status is not `success`.
    pub failed: bool,
    /// Duration, if known.
    pub duration: Option<Duration>,
}

impl Keep {
    /// Reads what stands after `keep=`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "failed" {
            return Ok(Self::Failed);
        }
        let Some(threshold) = text.strip_prefix("slow>") else {
            return Err(format!(
                "unknown `keep={text}`; there is `keep=failed`, and `keep=slow>500ms`"
            ));
        };
        match humantime::parse_duration(threshold) {
            Ok(threshold) if threshold <= LONGEST => Ok(Self::SlowerThan(threshold)),
            _ => Err(format!(
                "`{threshold}` is no duration up to 15 minutes; write it as in `keep=slow>500ms` or `keep=slow>2s`"
            )),
        }
    }

    /// True if an invocation that ended like this is kept. What was not told speaks for keeping: what is dropped here
    /// is gone.
    pub fn holds(self, outcome: &Outcome) -> bool {
        match self {
            Self::Failed => outcome.failed,
            Self::SlowerThan(threshold) => outcome.duration.is_none_or(|duration| duration > threshold),
        }
    }
}

/// The longest that a function may run. Lambda quotas.
const LONGEST: Duration = Duration::from_secs(900);

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("failed"),
            Self::SlowerThan(threshold) => {
                let text = humantime::format_duration(*threshold).to_string();
                write!(f, "slow>{}", text.replace(' ', ""))
            }
        }
    }
}

impl Outcome {
    /// End of the invocation that this event closes: `platform.runtimeDone`, or `platform.report` where
    /// there is none (Managed Instances). `None` for other events.
    pub fn of(event: &Event<'_>) -> Option<Self> {
        if !matches!(event.kind, Kind::RuntimeDone | Kind::Report) {
            return None;
        }
        let record = event.record.unwrap_or_default();
        let member = |path: &[&str]| lookup_path(record, path);
        let failed = match member(&["status"]) {
            Some(status) => unescape(status) != "success",
            // Reports of early versions have no status; an error has a type.
            None => member(&["errorType"]).is_some(),
        };
        let milliseconds: Option<f64> = member(&["metrics", "durationMs"]).and_then(|number| number.parse().ok());
        let duration = milliseconds.and_then(|number| Duration::try_from_secs_f64(number / 1_000.0).ok());
        Some(Self { failed, duration })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::batch::Batch;

    fn outcome(event: &str) -> Option<(bool, Option<u128>)> {
        let body = format!("[{event}]");
        let event = Batch::new(body.as_bytes()).next().unwrap().unwrap();
        let outcome = Outcome::of(&event)?;
        Some((outcome.failed, outcome.duration.map(|duration| duration.as_millis())))
    }

    #[test]
    fn ends_are_read_from_runtime_done_and_report() {
        let done = |record: &str| outcome(&format!(r#"{{"type":"platform.runtimeDone","record":{record}}}"#));
        assert_eq!(
            done(r#"{"status":"success","metrics":{"durationMs":101.5}}"#),
            Some((false, Some(101)))
        );
        assert_eq!(
            done(r#"{"status":"timeout","metrics":{"durationMs":3000}}"#),
            Some((true, Some(3_000)))
        );
        assert_eq!(done(r#"{"status":"something new"}"#), Some((true, None)));
        assert_eq!(done(r#"{"errorType":"Runtime.ExitError"}"#), Some((true, None)));
        assert_eq!(done("{}"), Some((false, None)));
        assert_eq!(
            outcome(r#"{"type":"platform.report","record":{"status":"error","metrics":{"durationMs":-1}}}"#),
            Some((true, None))
        );
        assert_eq!(
            outcome(r#"{"type":"platform.start","record":{"status":"error"}}"#),
            None
        );
    }

    #[test]
    fn slow_is_longer_and_unknown_is_kept() {
        let slow = Keep::parse("slow>500ms").unwrap();
        let after = |duration| Outcome {
            failed: false,
            duration,
        };
        assert!(!slow.holds(&after(Some(Duration::from_millis(500)))));
        assert!(slow.holds(&after(Some(Duration::from_micros(500_001)))));
        assert!(slow.holds(&after(None)));
        assert!(!Keep::Failed.holds(&after(None)));
    }

    #[test]
    fn keeps_are_shown_as_they_are_read() {
        for text in ["failed", "slow>500ms", "slow>2s", "slow>1m30s"] {
            assert_eq!(Keep::parse(text).unwrap().to_string(), text);
        }
        for wrong in ["", "all", "slow", "slow>", "slow>fast", "slow>16m", "slow<1s", "Failed"] {
            assert!(Keep::parse(wrong).is_err(), "{wrong}");
        }
    }
}
