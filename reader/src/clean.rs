//! Text of others on our terminal: nothing in it may move the cursor, change colours or turn the line around.

use std::borrow::Cow;

/// The text with everything made visible that a terminal would act on: control characters, and Unicode's invisible and
/// direction-changing ones. A tab becomes two spaces. Colours, which many loggers write, are left out.
#[must_use]
pub fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts_on_terminals) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        if let Some(after) = after_colour(rest) {
            rest = after;
            continue;
        }
        match char {
            '\t' => clean.push_str("  "),
            char if acts_on_terminals(char) => clean.extend(char.escape_default()),
            char => clean.push(char),
        }
        rest = rest.get(char.len_utf8()..).unwrap_or_default();
    }
    Cow::Owned(clean)
}

/// A JSON text that means the same, with everything escaped that a terminal would act on. JSON itself has ASCII's
/// control characters escaped; those that it lets stand in strings have a short escape each.
#[must_use]
pub fn clean_json(json: &str) -> Cow<'_, str> {
    let acts = |char: char| char > '\u{1f}' && acts_on_terminals(char);
    if !json.chars().any(acts) {
        return Cow::Borrowed(json);
    }
    let mut clean = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        if acts(char) {
            // Those beyond 16 bits as two surrogates, as JSON has them.
            for unit in char.encode_utf16(&mut [0; 2]) {
                clean.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            clean.push(char);
        }
    }
    Cow::Owned(clean)
}

/// Text after a Select Graphic Rendition (ECMA-48, 8.3.117), if the text begins with one.
fn after_colour(text: &str) -> Option<&str> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let after = parameters.trim_start_matches(|char: char| char.is_ascii_digit() || char == ';' || char == ':');
    after.strip_prefix('m')
}

/// True if a terminal acts on this character, or does not show it.
#[must_use]
pub fn acts_on_terminals(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            // Soft hyphen, Arabic letter mark, Mongolian vowel separator, and the blocks of marks that have no width.
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Byte order mark, annotations between lines, tags: text that only machines see.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminal_escapes_become_visible() {
        assert_eq!(clean("\u{1b}[2J\u{1b}[H"), r"\u{1b}[2J\u{1b}[H");
        assert_eq!(clean("\u{9b}2J"), r"\u{9b}2J", "the one-byte form of ESC [");
        assert_eq!(clean("\u{1b}]0;title\u{7}"), r"\u{1b}]0;title\u{7}");
        assert_eq!(clean("one\r\ntwo\u{8}\u{7f}"), r"one\r\ntwo\u{8}\u{7f}");
    }

    #[test]
    fn colours_are_left_out_and_nothing_else_that_looks_like_them() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m \u{1b}[38;5;9mx\u{1b}[m"), "red x");
        assert_eq!(clean("\u{1b}[31"), r"\u{1b}[31", "cut off");
        assert_eq!(clean("\u{1b}[?1049m"), r"\u{1b}[?1049m");
        assert_eq!(
            clean("\u{1b}\u{1b}[1m[2J"),
            r"\u{1b}[2J",
            "what is left does not make one again"
        );
    }

    #[test]
    fn text_that_changes_direction_becomes_visible() {
        assert_eq!(clean("abc\u{202e}txt.exe"), r"abc\u{202e}txt.exe");
        assert_eq!(clean("\u{2066}a\u{2069}"), r"\u{2066}a\u{2069}");
    }

    #[test]
    fn text_that_nobody_sees_becomes_visible() {
        for invisible in [
            '\u{ad}',
            '\u{180e}',
            '\u{e0000}',
            '\u{e0041}',
            '\u{e007f}',
            '\u{200b}',
            '\u{feff}',
        ] {
            let text = format!("pay{invisible}pal");
            assert_eq!(clean(&text), format!("pay{}pal", invisible.escape_default()));
            let json = format!("\"{text}\"");
            let clean = clean_json(&json);
            assert!(clean.is_ascii(), "{clean}");
            assert_eq!(serde_json::from_str::<String>(&clean).unwrap(), text);
        }
    }

    #[test]
    fn json_means_the_same_and_moves_no_terminal() {
        let json = "{\"record\":\"\u{9b}2J \u{202e}abc\u{7f} \\u001b[2J 漢\"}";
        let clean = clean_json(json);
        assert_eq!(clean, r#"{"record":"\u009b2J \u202eabc\u007f \u001b[2J 漢"}"#);
        let same: [serde_json::Value; 2] = [json, &*clean].map(|json| serde_json::from_str(json).unwrap());
        assert_eq!(same[0], same[1]);
        assert!(matches!(clean_json("{\"a\":\t1}"), Cow::Borrowed(_)));
    }

    #[test]
    fn all_else_stays() {
        for text in ["", "plain", "Ünïcödé 漢字 🎉", r"a back\slash", "\"quotes\""] {
            assert!(matches!(clean(text), Cow::Borrowed(same) if same == text));
        }
        assert_eq!(clean("a\tb"), "a  b");
    }
}
