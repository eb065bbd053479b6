//! Positions at which reading begins and continues.

use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Largest difference of clocks: beyond that Kinesis takes no signature either.
const CLOCKS_APART: Duration = Duration::from_secs(5 * 60);

/// Start of a stream's reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With what is put from now on.
    Latest,
    /// With the oldest record that the stream still has.
    TrimHorizon,
    /// With what arrived at this time.
    At(SystemTime),
}

/// Position at which reading of a shard continues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Position {
    /// With what is put from now on.
    Latest,
    /// With its oldest record.
    TrimHorizon,
    /// With what arrived at this time: milliseconds since 1970.
    At(u64),
    /// After this sequence number.
    After(String),
    /// Nowhere: it has been read to its end.
    Done,
}

impl Position {
    /// With what arrived at this time.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::At(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// True if it is a time that by another clock may be yet to come, though by ours it is `now`.
    pub(super) fn may_be_ahead_of(&self, now: SystemTime) -> bool {
        let Self::At(millis) = self else { return false };
        let time = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(*millis));
        now.checked_sub(CLOCKS_APART)
            .is_some_and(|least| time.is_none_or(|time| time >= least))
    }
}

impl Start {
    /// `latest`, `trim-horizon`, how long ago, or when.
    ///
    /// # Errors
    /// It is none of these; what it may be.
    pub fn parse(text: &str, now: SystemTime) -> Result<Self, String> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "latest" => return Ok(Self::Latest),
            "trim-horizon" => return Ok(Self::TrimHorizon),
            _ => {}
        }
        if let Ok(ago) = humantime::parse_duration(text) {
            return Ok(Self::At(now.checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)));
        }
        let time = humantime::parse_rfc3339_weak(text).map_err(|_| {
            format!(
                "`{text}` is no place to begin at; `latest`, `trim-horizon`, how long ago (`10m`, `2h 30m`), or a time in UTC \
                 (`2026-11-20T09:14:00Z`)"
            )
        })?;
        // A clock a little ahead of Kinesis' is no mistake; what lies further ahead is.
        if time > now + Duration::from_secs(60) {
            return Err(format!("`{text}` is yet to come"));
        }
        Ok(Self::At(time))
    }

    /// True if a reader that begins here sees every line of each life that the stream still has.
    #[must_use]
    pub fn is_the_beginning(self) -> bool {
        self == Self::TrimHorizon
    }
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text, SystemTime::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_has_just_been_may_be_yet_to_come_by_another_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
        let ago = |seconds| Position::at(now - Duration::from_secs(seconds));
        assert!(ago(0).may_be_ahead_of(now) && ago(299).may_be_ahead_of(now));
        assert!(Position::at(now + Duration::from_secs(30)).may_be_ahead_of(now));
        assert!(!ago(301).may_be_ahead_of(now) && !Position::TrimHorizon.may_be_ahead_of(now));
        assert!(Position::At(u64::MAX).may_be_ahead_of(now));
    }

    #[test]
    fn starts_are_read_as_people_write_them() {
        let now = humantime::parse_rfc3339("2026-11-20T10:00:00Z").unwrap();
        let at = |text| Start::At(humantime::parse_rfc3339(text).unwrap());
        for (text, start) in [
            ("latest", Start::Latest),
            ("LATEST", Start::Latest),
            ("trim-horizon", Start::TrimHorizon),
            ("TRIM_HORIZON", Start::TrimHorizon),
            ("10m", at("2026-11-20T09:50:00Z")),
            ("1h 30m", at("2026-11-20T08:30:00Z")),
            ("2026-11-20T09:14:02.820Z", at("2026-11-20T09:14:02.820Z")),
            ("2026-11-20 09:14:02", at("2026-11-20T09:14:02Z")),
        ] {
            assert_eq!(Start::parse(text, now), Ok(start), "{text}");
        }
        for text in ["", "soon", "10", "2026-13-01T00:00:00Z"] {
            let error = Start::parse(text, now).unwrap_err();
            assert!(error.contains("`trim-horizon`"), "{error}");
        }
        assert!(
            Start::parse("2026-11-21T00:00:00Z", now)
                .unwrap_err()
                .contains("yet to come")
        );
    }
}
