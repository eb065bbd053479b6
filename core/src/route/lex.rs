//! Separators in the text of a route table: quotes, regular expressions and comments.
//!
//! A quote that is never closed is an ordinary character here: the rule that it stands in is found wrong, and no other.

/// The rules of a table, each without the white space around it.
pub(super) fn rules(text: &str) -> Vec<&str> {
    let (mut rules, mut start, mut at) = (Vec::new(), 0, 0);
    let mut line_begins = true;
    while let Some(char) = char_at(text, at) {
        match char {
            '#' if line_begins => {
                let end = text.get(at..).and_then(|rest| rest.find('\n'));
                at = end.map_or(text.len(), |length| at + length + 1);
                start = at;
                continue;
            }
            ';' | '\n' => {
                rules.push(text.get(start..at).unwrap_or_default());
                start = at + 1;
                line_begins = char == '\n';
                at += 1;
            }
            _ => {
                line_begins &= char.is_whitespace();
                at = skip(text, at);
            }
        }
    }
    rules.push(text.get(start..).unwrap_or_default());
    rules.retain_mut(|rule| {
        *rule = rule.trim();
        !rule.is_empty()
    });
    rules
}

/// The two sides of the first `->` that stands outside of quotes.
pub(super) fn split_arrow(rule: &str) -> Option<(&str, &str)> {
    let mut at = 0;
    while at < rule.len() {
        if let Some(targets) = rule.get(at..)?.strip_prefix("->") {
            return Some((rule.get(..at)?.trim(), targets.trim()));
        }
        at = skip(rule, at);
    }
    None
}

/// The selectors end at the first white space that does not stand beside a comma.
pub(super) fn split_selectors(left: &str) -> (&str, &str) {
    let mut after_comma = true;
    for (at, char) in left.char_indices() {
        if char.is_whitespace() {
            let rest = left.get(at..).unwrap_or_default();
            if !after_comma && !rest.trim_start().starts_with(',') {
                return (left.get(..at).unwrap_or_default(), rest);
            }
        } else {
            after_comma = char == ',';
        }
    }
    (left, "")
}

/// The items of a list that are separated by commas; a comma inside quotes or a regular expression parts nothing.
pub fn list(text: &str) -> Vec<&str> {
    let (mut items, mut start, mut at) = (Vec::new(), 0, 0);
    while let Some(char) = char_at(text, at) {
        if char == ',' {
            items.push(text.get(start..at).unwrap_or_default());
            at += 1;
            start = at;
        } else if char == '/' && text.get(start..at).is_some_and(|before| before.trim().is_empty()) {
            at = closing(text, at).map_or(at + 1, |end| end + 1);
        } else {
            at += char.len_utf8();
        }
    }
    items.push(text.get(start..).unwrap_or_default());
    items.retain_mut(|item| {
        *item = item.trim();
        !item.is_empty()
    });
    items
}

/// Position of the next character, or of what follows the quoted part that begins at `at`.
fn skip(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    let end = match char_at(text, at) {
        Some('"') => closing(text, at),
        Some('/') if before.trim_end().ends_with('~') => closing(text, at),
        _ => None,
    };
    match end {
        Some(end) => end + 1,
        None => at + char_at(text, at).map_or(1, char::len_utf8),
    }
}

/// Position of the quote or slash that closes the one at `open`. A `\` takes its meaning from the character after it.
pub(super) fn closing(text: &str, open: usize) -> Option<usize> {
    let (quote, inner) = (char_at(text, open)?, open + 1);
    let mut escaped = false;
    for (at, char) in text.get(inner..)?.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if char == quote => return Some(inner + at),
            _ => {}
        }
    }
    None
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_part_at_semicolons_and_line_breaks_outside_of_quotes() {
        for (text, expected) in [
            ("a;b\nc\r\n d ", vec!["a", "b", "c", "d"]),
            (";;\n\n a ;", vec!["a"]),
            ("x=\"a;b\nc\"; d", vec!["x=\"a;b\nc\"", "d"]),
            (r#"x="a\";b"; d"#, vec![r#"x="a\";b""#, "d"]),
            (r"text~/a;\/;/; d", vec![r"text~/a;\/;/", "d"]),
            ("x=/a;b/", vec!["x=/a", "b/"]),
            ("x=\"never closed; d\ne", vec!["x=\"never closed", "d", "e"]),
        ] {
            assert_eq!(rules(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_comment_is_a_line_that_begins_with_a_number_sign() {
        for (text, expected) in [
            ("# a\nb", vec!["b"]),
            ("b\n  # it's \"so\n c", vec!["b", "c"]),
            ("b # no comment", vec!["b # no comment"]),
            ("b; # no line begins here", vec!["b", "# no line begins here"]),
            ("x=\"a\n# no comment\"", vec!["x=\"a\n# no comment\""]),
            ("#", vec![]),
        ] {
            assert_eq!(rules(text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_arrow_is_the_first_outside_of_quotes() {
        assert_eq!(split_arrow("a -> b -> c"), Some(("a", "b -> c")));
        assert_eq!(
            split_arrow("a text~/x->y/ z=\"->\"->b"),
            Some(("a text~/x->y/ z=\"->\"", "b"))
        );
        assert_eq!(split_arrow("a x>-5->b"), Some(("a x>-5", "b")));
        assert_eq!(split_arrow("a - > b"), None);
    }

    #[test]
    fn lists_part_at_commas_outside_of_regular_expressions() {
        assert_eq!(list("email, /a,b/ ,,/c\\/,/"), ["email", "/a,b/", "/c\\/,/"]);
        assert_eq!(list(" "), Vec::<&str>::new());
        assert_eq!(list("/never, closed"), ["/never", "closed"]);
    }
}
