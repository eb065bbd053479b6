//! Moments, as Lambda writes them.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Lambda's form of a time: UTC, to the millisecond.
pub(crate) fn format_time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// Milliseconds since 1970 of a moment of the monotonic clock.
pub(crate) fn epoch_ms(at: Instant) -> u64 {
    let since_1970 = system_time(at).duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX)
}

/// The time of day of a moment of the monotonic clock.
pub(crate) fn system_time(at: Instant) -> SystemTime {
    let (now, today) = (Instant::now(), SystemTime::now());
    if at >= now {
        today + (at - now)
    } else {
        today - (now - at)
    }
}
