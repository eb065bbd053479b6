//! What people write for sizes, durations, lists and truths.

use std::time::Duration;

/// `500ms`, `10s`, `2m`, `1m 30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    if text.trim() == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text.trim()).map_err(|_| "not a duration; write a number with `ms`, `s` or `m`".into())
}

/// `25000`, `25KiB`, `1 MiB`, `64kB`: bytes; powers of 1,024 with an `i`, of 1,000 without.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || "not a size; write bytes, or a number with `KiB` or `MiB`".to_owned();
    let text = text.trim().replace('_', "");
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1_000,
        "kib" | "k" => 1_024,
        "mb" => 1_000_000,
        "mib" | "m" => 1_048_576,
        "gib" | "g" => 1_073_741_824,
        _ => return Err(wrong()),
    };
    let number: usize = number.parse().map_err(|_| wrong())?;
    number.checked_mul(factor).ok_or_else(wrong)
}

/// A size as people read it.
pub(super) fn size_text(bytes: usize) -> String {
    match bytes {
        _ if bytes >= 1_048_576 && bytes.is_multiple_of(1_048_576) => format!("{}MiB", bytes / 1_048_576),
        _ if bytes >= 1_024 && bytes.is_multiple_of(1_024) => format!("{}KiB", bytes / 1_024),
        _ => bytes.to_string(),
    }
}

/// `a,b,c`
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration(" 10s "), Ok(Duration::from_secs(10)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        for wrong in ["", "10", "fast", "-1s"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("25000", 25_000),
            ("25_000", 25_000),
            ("25KiB", 25_600),
            ("25kb", 25_000),
            ("1 MiB", 1_048_576),
            ("64m", 67_108_864),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for wrong in [
            "",
            "KiB",
            "-1",
            "1.5MiB",
            "10 parsecs",
            "99999999999999999999",
            "99999999999GiB",
        ] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert_eq!(
            [262_144, 25_000, 1_048_576, 0].map(size_text),
            ["256KiB", "25000", "1MiB", "0"]
        );
    }

    #[test]
    fn lists() {
        assert_eq!(list("a, b,,c "), ["a", "b", "c"]);
        assert!(list(" ").is_empty());
    }
}
