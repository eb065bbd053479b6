//! Text without colours.

use std::borrow::Cow;

/// Drops what a terminal acts on: colours (`ESC [ … m`) and other sequences of that kind.
pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    if memchr::memchr(0x1b, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        // ECMA-48: parameters and intermediates end at a byte from `@` to `~`.
        rest = match after.strip_prefix('[') {
            Some(sequence) => match sequence.find(|char: char| ('@'..='~').contains(&char)) {
                Some(end) => sequence.get(end + 1..).unwrap_or_default(),
                None => "",
            },
            None => after,
        };
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}
