//! Lines that are longer than a record may be.

/// Treatment of such lines: `…__OVERSIZE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Oversize {
    /// Parts, each a line of its own, that a reader joins again.
    #[default]
    Split,
    /// The record is cut.
    Truncate,
    /// The line is dropped and announced.
    Drop,
}

impl Oversize {
    /// The names, as a configuration has them.
    pub const NAMES: [&str; 3] = ["split", "truncate", "drop"];

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "split" => Some(Self::Split),
            "truncate" => Some(Self::Truncate),
            "drop" => Some(Self::Drop),
            _ => None,
        }
    }
}

/// Cuts a text at characters into pieces that take at most `room` bytes each as the inside of a JSON string.
pub(crate) fn pieces(text: &str, room: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut used) = (0, 0);
    for (at, char) in text.char_indices() {
        let bytes = escaped_bytes(char);
        if used + bytes > room && used > 0 {
            pieces.push(text.get(start..at).unwrap_or_default());
            (start, used) = (at, 0);
        }
        used += bytes;
    }
    pieces.push(text.get(start..).unwrap_or_default());
    pieces
}

/// Size of a character inside a JSON string, in bytes.
fn escaped_bytes(char: char) -> usize {
    match char {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        '\0'..='\x1f' => 6,
        _ => char.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::json::write_string;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pieces_fit_and_join_to_the_same_text(text in any::<String>(), room in 6_usize..40) {
            let pieces = pieces(&text, room);
            prop_assert_eq!(pieces.concat(), text.as_str());
            for piece in pieces {
                let mut json = Vec::new();
                write_string(&mut json, piece);
                prop_assert!(json.len() - 2 <= room, "{piece:?}");
            }
        }
    }
}
