//! Text of files and samples on a terminal: nothing in it moves the cursor, changes colours or turns a line around.

use std::io::{self, Write};

use reader::clean::acts_on_terminals;

/// Writes text with everything escaped, as JSON escapes it, that a terminal would act on; but for line feeds and tabs. JSON
/// stays JSON of the same meaning.
pub(crate) struct Terminal<'a>(pub(crate) &'a mut dyn Write);

impl Write for Terminal<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // What is written here was formatted from text, so that no character is cut in two.
        let text = String::from_utf8_lossy(bytes);
        let acts = |char: char| acts_on_terminals(char) && !matches!(char, '\n' | '\t');
        if !text.chars().any(acts) {
            return self.0.write_all(bytes).map(|()| bytes.len());
        }
        let mut clean = String::with_capacity(text.len() + 16);
        for char in text.chars() {
            if acts(char) {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    clean.push_str(&format!("\\u{unit:04x}"));
                }
            } else {
                clean.push(char);
            }
        }
        self.0.write_all(clean.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_a_terminal_is_escaped_and_all_else_stays() {
        let mut out = Vec::new();
        let evil = "\u{1b}[2J\r\u{9b}\u{202e}\u{e0041}";
        writeln!(Terminal(&mut out), "{evil}\tä 漢").unwrap();
        let expected = "\\u001b[2J\\u000d\\u009b\\u202e\\udb40\\udc41\tä 漢\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
