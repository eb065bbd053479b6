//! Text of others on our terminal: nothing in it may move the cursor, change colours or turn the line around.

use std::borrow::Cow;

/// The text with everything made visible that a terminal would act on: control characters, and Unicode's invisible and
/// direction-changing ones. A tab becomes two spaces.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminals) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for char in text.chars() {
        match char {
            '\t' => clean.push_str("  "),
            char if acts_on_terminals(char) => clean.extend(char.escape_default()),
            char => clean.push(char),
        }
    }
    Cow::Owned(clean)
}

fn acts_on_terminals(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_become_visible() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), r"\u{1b}[31mred\u{1b}[0m");
        assert_eq!(clean("\u{9b}2J"), r"\u{9b}2J", "the one-byte form of ESC [");
        assert_eq!(clean("\u{1b}]0;title\u{7}"), r"\u{1b}]0;title\u{7}");
        assert_eq!(clean("one\r\ntwo\u{8}\u{7f}"), r"one\r\ntwo\u{8}\u{7f}");
    }

    #[test]
    fn text_that_changes_direction_becomes_visible() {
        assert_eq!(clean("abc\u{202e}txt.exe"), r"abc\u{202e}txt.exe");
        assert_eq!(clean("\u{2066}a\u{2069}"), r"\u{2066}a\u{2069}");
    }

    #[test]
    fn all_else_stays() {
        for text in ["", "plain", "Ünïcödé 漢字 🎉", r"a back\slash", "\"quotes\""] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(clean("a\tb"), "a  b");
    }
}
