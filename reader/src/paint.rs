//! Styles of text on a terminal.

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
    /// The look of the first, second, third … thing that is told apart from others.
    #[must_use]
    pub fn nth(number: usize) -> Self {
        Self::One(SEVERAL.get(number % SEVERAL.len()).copied().unwrap_or(36))
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
        for look in [Look::Dim, Look::Red, Look::Plain, Look::nth(7)] {
            assert_eq!(look.paint("text", false), "text");
            assert_eq!(look.paint("", true), "");
        }
        assert_eq!(Look::Red.paint("text", true), "\u{1b}[31mtext\u{1b}[0m");
        assert_eq!(Look::Plain.paint("text", true), "text");
    }

    #[test]
    fn as_many_looks_as_there_are_differ() {
        let looks: std::collections::HashSet<_> = (0..50).map(|number| Look::nth(number).paint("x", true)).collect();
        assert_eq!(looks.len(), SEVERAL.len());
        assert_ne!(Look::nth(0), Look::nth(1));
    }
}
