//! Values as people write them: sizes, durations, lists; and what is left over of a template or of quotes.

use std::time::Duration;

/// `500ms`, `10s`, `2m`, `1m 30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    humantime::parse_duration(text)
        .map_err(|_| format!("{}; write a number with `ms`, `s` or `m`", not_a("duration", text)))
}

/// Says that a text is not a number, duration or size, and why if a template's format made it so.
pub(super) fn not_a(kind: &str, text: &str) -> String {
    let is_rewritten = text.contains(['.', 'e', 'E']) && text.parse::<f64>().is_ok();
    let cause = if is_rewritten {
        " (YAML and JSON may write a number in this form: put it in quotes there)"
    } else {
        ""
    };
    format!("not a {kind}{cause}")
}

/// The reason why a text cannot be meant as it is: what deploys it has left something undone. `None` if it can.
/// `may_hold_anything`: it may hold expressions, in which `${` is meant.
pub(super) fn left_over(text: &str, may_hold_anything: bool) -> Option<String> {
    if text.contains('\u{fffd}') {
        return Some("it is not UTF-8, and cannot be read".into());
    }
    let quote = text.chars().next().filter(|first| ['"', '\''].contains(first));
    if let Some(quote) = quote
        && text.len() > 1
        && text.ends_with(quote)
    {
        return Some(format!(
            "the quotes `{quote}` around it are a part of the value; leave them out"
        ));
    }
    if may_hold_anything {
        return None;
    }
    let placeholder = |open: &str, close: &str| {
        let start = text.find(open)?;
        let end = text.get(start..)?.find(close)? + close.len();
        text.get(start..start + end)
    };
    let placeholder = placeholder("${", "}").or_else(|| placeholder("{{", "}}"))?;
    Some(format!(
        "`{placeholder}` was to be replaced when this was deployed, and was not; in CloudFormation `!Sub` replaces `${{…}}`"
    ))
}

/// `25000`, `25KiB`, `1 MiB`, `64kB`: bytes; powers of 1,024 with an `i`, of 1,000 without.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let wrong = || {
        format!(
            "{}; write bytes, or a number with `KiB` or `MiB`",
            not_a("size", text.trim())
        )
    };
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
