//! The terminal: lines on standard output, and below them a progress line on standard error that comes and goes.

use std::io::{self, IsTerminal, Write};

/// What a progress line may take, in columns: every terminal has them, and a line that wraps cannot be cleared.
const PROGRESS_COLUMNS: usize = 78;

/// To the beginning of the line, and clear it.
const CLEAR: &str = "\r\u{1b}[K";

/// Where the demo writes.
pub(crate) struct Screen {
    colours: bool,
    /// Whether there is somebody to see a progress line.
    progress: bool,
    /// The progress line as it stands; empty: there is none.
    standing: String,
}

/// How text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Colour {
    Plain,
    Dim,
    Red,
    Green,
    Yellow,
    Cyan,
}

impl Colour {
    /// The text in this colour, or as it is where colours are off.
    pub(crate) fn paint(self, text: &str, colours: bool) -> String {
        // Select Graphic Rendition. ECMA-48, 8.3.117.
        let code = match self {
            Self::Plain => return text.to_owned(),
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Cyan => 36,
        };
        if colours {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

impl Screen {
    /// By what standard output and standard error are.
    pub(crate) fn of_this_terminal() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            // https://no-color.org
            colours: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            progress: io::stderr().is_terminal() && !dumb,
            standing: String::new(),
        }
    }

    pub(crate) fn colours(&self) -> bool {
        self.colours
    }

    /// Puts lines above the progress line.
    pub(crate) fn lines<I: IntoIterator<Item = String>>(&mut self, lines: I) -> io::Result<()> {
        let standing = std::mem::take(&mut self.standing);
        if !standing.is_empty() {
            self.tell(CLEAR);
        }
        let mut out = io::stdout().lock();
        for line in lines {
            writeln!(out, "{line}")?;
        }
        out.flush()?;
        drop(out);
        self.progress(&standing);
        Ok(())
    }

    /// Puts this in the place of the progress line.
    pub(crate) fn progress(&mut self, text: &str) {
        if self.progress && text != self.standing {
            self.standing = text.chars().take(PROGRESS_COLUMNS).collect();
            self.tell(&format!("{CLEAR}{}", self.standing));
        }
    }

    /// Takes the progress line away.
    pub(crate) fn clear(&mut self) {
        if !std::mem::take(&mut self.standing).is_empty() {
            self.tell(CLEAR);
        }
    }

    /// A line for the person at the terminal that is not part of the output.
    pub(crate) fn warn(&mut self, text: &str) {
        self.clear();
        self.tell(&format!("demo: {text}\n"));
    }

    /// On standard error. If nobody hears it, the demo goes on.
    fn tell(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colours_text_is_itself() {
        for colour in [Colour::Dim, Colour::Red, Colour::Plain] {
            assert_eq!(colour.paint("text", false), "text");
        }
        assert_eq!(Colour::Red.paint("text", true), "\u{1b}[31mtext\u{1b}[0m");
        assert_eq!(Colour::Plain.paint("text", true), "text");
    }
}
