//! The terminal: lines on standard output, and below them a progress line on standard error that comes and goes.

use std::io::{self, IsTerminal, Write};

/// Width of a progress line, in columns: every terminal has them, and a line that wraps cannot be cleared.
const PROGRESS_COLUMNS: usize = 78;

/// To the beginning of the line, and clear it.
const CLEAR: &str = "\r\u{1b}[K";

/// Output, progress and notes of one program.
pub struct Screen {
    /// Name before its notes.
    name: &'static str,
    colours: bool,
    /// True if somebody can see a progress line.
    progress: bool,
    /// The progress line as it stands; empty: there is none.
    standing: String,
}

impl Screen {
    /// By what standard output and standard error are.
    #[must_use]
    pub fn of_this_terminal(name: &'static str) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            name,
            // https://no-color.org
            colours: io::stdout().is_terminal() && !set("NO_COLOR") && !dumb,
            progress: io::stderr().is_terminal() && !dumb,
            standing: String::new(),
        }
    }

    /// True if standard output has colours.
    #[must_use]
    pub fn colours(&self) -> bool {
        self.colours
    }

    /// True if standard error is a terminal.
    #[must_use]
    pub fn is_watched(&self) -> bool {
        self.progress
    }

    /// Has colours, or not, whatever standard output is.
    pub fn set_colours(&mut self, colours: bool) {
        self.colours = colours;
    }

    /// Puts lines, each with its line feed, on standard output, above the progress line.
    ///
    /// # Errors
    /// Nobody takes them any more.
    pub fn lines(&mut self, lines: &str) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let standing = std::mem::take(&mut self.standing);
        if !standing.is_empty() {
            self.tell(CLEAR);
        }
        let mut out = io::stdout().lock();
        out.write_all(lines.as_bytes())?;
        out.flush()?;
        drop(out);
        self.progress(&standing);
        Ok(())
    }

    /// Puts this in the place of the progress line.
    pub fn progress(&mut self, text: &str) {
        if self.progress && text != self.standing {
            self.standing = text.chars().take(PROGRESS_COLUMNS).collect();
            self.tell(&format!("{CLEAR}{}", self.standing));
        }
    }

    /// Takes the progress line away.
    pub fn clear(&mut self) {
        if !std::mem::take(&mut self.standing).is_empty() {
            self.tell(CLEAR);
        }
    }

    /// A line for the person at the terminal that is not part of the output.
    pub fn say(&mut self, text: &str) {
        let standing = std::mem::take(&mut self.standing);
        if !standing.is_empty() {
            self.tell(CLEAR);
        }
        self.tell(&format!("{}: {text}\n", self.name));
        self.progress(&standing);
    }

    /// Lines for the person at the terminal, each with its line feed.
    pub fn tell_lines(&mut self, lines: &str) {
        self.clear();
        self.tell(lines);
    }

    /// On standard error. If nobody hears it, life goes on.
    fn tell(&self, text: &str) {
        let mut err = io::stderr().lock();
        let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
    }
}
