//! The level that a word stands for, or the value of a member.

use super::Level;
use super::colours::without_colours;
use super::table::{self, Member, NAMES_IN_OBJECTS, Small};
use crate::telemetry::json::{skim, unescape};

/// The longest text that may be a level, with colours. Bytes of JSON.
const LONGEST_WORD: usize = 96;

/// The level that the value of a member named `key` stands for. `value` is JSON text.
pub(in crate::telemetry) fn of_value(member: &Member, key: &str, value: &str) -> Option<Level> {
    let begins_with_capital = key.bytes().any(|byte| byte.is_ascii_uppercase());
    let small = if begins_with_capital {
        Small::DotNet
    } else {
        Small::Nothing
    };
    match value.as_bytes().first()? {
        b'{' => of_members(value, &NAMES_IN_OBJECTS, member),
        b'"' | b'\'' if value.len() <= LONGEST_WORD => {
            // As nearly all of them are.
            if let Some(level) = value.get(1..value.len() - 1).and_then(table::find_value) {
                return Some(level);
            }
            let text = unescape(value);
            let text = without_colours(text.trim_matches('\''));
            match text.trim().parse() {
                Ok(number) => member.scale.level(number, small),
                Err(_) => of_word(&text),
            }
        }
        b'-' | b'0'..=b'9' => member.scale.level(value.parse().ok()?, small),
        _ if value.len() <= LONGEST_WORD => of_word(value),
        _ => None,
    }
}

/// The level of an object: `{"name":"ERROR"}`, `{"level":40000,"levelStr":"ERROR"}`.
pub(super) fn of_members(object: &str, names: &[&str], member: &Member) -> Option<Level> {
    let mut values = names.iter().filter_map(|name| skim::child(object, name));
    values.find_map(|value| {
        if value.starts_with('{') {
            None
        } else {
            of_value(member, "", value)
        }
    })
}

/// The level of a word as libraries write it into a member: `INFO+2` (slog), `LogLevel.Error`, `SEVERITY_NUMBER_ERROR2`,
/// `app.ERROR`, `[warn]`.
pub(super) fn of_word(text: &str) -> Option<Level> {
    if let Some(level) = table::find_value(text) {
        return Some(level);
    }
    let is_edge = |char: char| char.is_whitespace() || "[](){}<>:!'\"".contains(char);
    let word = text.trim_matches(is_edge);
    let word = word.split(['+', '-']).next().unwrap_or_default();
    let word = word.rsplit(['.', '_', ':', '/']).next().unwrap_or_default();
    table::find_value(word.trim_end_matches(|char: char| char.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_as_libraries_write_them() {
        for (text, level) in [
            ("INFO+2", Some(Level::Info)),
            ("ERROR-4", Some(Level::Error)),
            ("LogLevel.Error", Some(Level::Error)),
            ("SEVERITY_NUMBER_ERROR2", Some(Level::Error)),
            ("WARN3", Some(Level::Warn)),
            (" [err] ", Some(Level::Error)),
            ("DEFAULT", Some(Level::Info)),
            ("UNDEFINED", None),
            ("terror", None),
            ("", None),
        ] {
            assert_eq!(of_word(text), level, "{text:?}");
        }
    }
}
