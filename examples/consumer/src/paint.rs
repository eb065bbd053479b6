//! How text looks on a terminal.

/// A look. Select Graphic Rendition. ECMA-48, 8.3.117.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Less prominent.
    Dim,
    /// More prominent.
    Bold,
    /// Something is wrong.
    Red,
    /// Something is wrong: a word that the eye should find.
    BoldRed,
    /// Something is as it should be.
    Green,
    /// Something may be wrong.
    BoldYellow,
    /// Something that is named.
    Cyan,
    /// One of several that are told apart.
    One(u8),
}

/// Colours for things that are told apart, without those that mean something: cyan, magenta, blue, and the bright ones.
const SEVERAL: [u8; 6] = [36, 35, 34, 96, 95, 94];

impl Look {
    /// Always the same look for the same name.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        // FNV-1a: spread evenly, and the same on every machine.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // Names that differ in their last letters only differ in all bits then.
        let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let index = usize::try_from(hash >> 40).unwrap_or_default() % SEVERAL.len();
        Self::One(SEVERAL.get(index).copied().unwrap_or(36))
    }

    /// Appends the text in this look, or as it is where colours are off.
    pub fn paint_into(self, out: &mut String, text: &str, colours: bool) {
        let code = match self {
            Self::Plain => "",
            Self::Dim => "2",
            Self::Bold => "1",
            Self::Red => "31",
            Self::BoldRed => "1;31",
            Self::Green => "32",
            Self::BoldYellow => "1;33",
            Self::Cyan => "36",
            Self::One(code) => {
                if colours && !text.is_empty() {
                    out.push_str(&format!("\u{1b}[{code}m{text}\u{1b}[0m"));
                } else {
                    out.push_str(text);
                }
                return;
            }
        };
        if code.is_empty() || !colours || text.is_empty() {
            out.push_str(text);
        } else {
            for part in ["\u{1b}[", code, "m", text, "\u{1b}[0m"] {
                out.push_str(part);
            }
        }
    }

    /// The text in this look, or as it is where colours are off.
    #[must_use]
    pub fn paint(self, text: &str, colours: bool) -> String {
        let mut out = String::with_capacity(text.len() + 10);
        self.paint_into(&mut out, text, colours);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_text_is_itself() {
        for look in [Look::Dim, Look::Red, Look::Plain, Look::of_name("checkout")] {
            assert_eq!(look.paint("text", false), "text");
            assert_eq!(look.paint("", true), "");
        }
        assert_eq!(Look::Red.paint("text", true), "\u{1b}[31mtext\u{1b}[0m");
        assert_eq!(Look::Plain.paint("text", true), "text");
    }

    #[test]
    fn names_keep_their_looks_and_differ() {
        assert_eq!(Look::of_name("checkout"), Look::of_name("checkout"));
        let looks: std::collections::HashSet<_> = (0..50)
            .map(|name| Look::of_name(&format!("function-{name}")).paint("x", true))
            .collect();
        assert_eq!(looks.len(), SEVERAL.len());
    }
}
