//! An entry as lines of a terminal, in columns.

use std::borrow::Cow;

use forwarder_core::route::Level;

use super::{BADGE, Content, Entry, LONGEST_TEXT, LONGEST_TIME, SHORT};
use crate::clean::clean;
use crate::log_text::LogText;
use crate::paint::Look;
use crate::summary::Summary;

/// The beginning of a text, of so many bytes at most.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

/// A text as it is shown: nothing in it acts on a terminal, and it ends somewhere.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    let beginning = cut(text, LONGEST_TEXT);
    if beginning.len() == text.len() {
        return clean(text);
    }
    Cow::Owned(format!(
        "{}… and {} more bytes",
        clean(beginning),
        text.len() - beginning.len()
    ))
}

/// The beginning of the request's id.
pub(super) fn request(entry: &Entry) -> String {
    let beginning: String = match entry.request.as_str() {
        "" => "-".to_owned(),
        id => id.chars().take(SHORT).collect(),
    };
    clean(&beginning).into_owned()
}

pub(super) struct Page<'a> {
    pub(super) function_width: usize,
    pub(super) colours: bool,
    pub(super) out: &'a mut String,
}

impl Page<'_> {
    pub(super) fn entry(mut self, entry: &Entry, (function, look): (&str, Look), continues: bool) {
        if continues && let Content::Log(text) = &entry.content {
            self.below(&text.message, entry.level);
            self.more(text, entry.level);
            return;
        }
        let (badge, badge_look) = match (&entry.content, entry.level) {
            (Content::Other(summary), _) => (summary.badge, if summary.is_bad { Look::BoldRed } else { Look::Dim }),
            (_, level) => badge(level.unwrap_or(Level::Info)),
        };
        self.paint(Look::Dim, &format!("{:<12} ", clean(cut(&entry.time, LONGEST_TIME))));
        self.paint(look, &format!("{function:<width$} ", width = self.function_width));
        self.paint(Look::Dim, &format!("{:<SHORT$} ", request(entry)));
        self.paint(badge_look, &format!("{badge:<BADGE$}"));
        match &entry.content {
            Content::Other(Summary { text, is_bad, .. }) => {
                self.out.push(' ');
                self.paint(if *is_bad { Look::Red } else { Look::Dim }, &shown(text));
                self.end();
            }
            Content::Log(text) => {
                self.out.push(' ');
                self.paint(message_look(entry.level), &shown(&text.message));
                for (name, value) in &text.fields {
                    self.out.push(' ');
                    self.paint(Look::Dim, &format!("{}=", shown(name)));
                    self.paint(Look::Plain, &shown(value));
                }
                self.end();
                self.more(text, entry.level);
            }
        }
    }

    fn more(&mut self, text: &LogText, level: Option<Level>) {
        text.more.iter().for_each(|line| self.below(line, level));
        if let Some(left_out) = text.left_out() {
            self.below(&left_out, level);
        }
    }

    /// A line that goes on with the one above it.
    fn below(&mut self, text: &str, level: Option<Level>) {
        let before = 12 + 1 + self.function_width + 1 + SHORT + 1 + BADGE - 1;
        self.out.extend(std::iter::repeat_n(' ', before));
        let bar = match level {
            Some(Level::Error | Level::Fatal) => Look::Red,
            _ => Look::Dim,
        };
        self.paint(bar, "│");
        self.out.push(' ');
        self.paint(Look::Dim, &shown(text));
        self.end();
    }

    fn paint(&mut self, look: Look, text: &str) {
        look.paint_into(self.out, text, self.colours);
    }

    fn end(&mut self) {
        // What was padded ends where its text ends.
        if !self.colours {
            self.out.truncate(self.out.trim_end_matches(' ').len());
        }
        self.out.push('\n');
    }
}

pub(super) fn badge(level: Level) -> (&'static str, Look) {
    match level {
        Level::Trace => ("TRACE", Look::Dim),
        Level::Debug => ("DEBUG", Look::Dim),
        Level::Info => ("INFO", Look::Green),
        Level::Warn => ("WARN", Look::BoldYellow),
        Level::Error => ("ERROR", Look::BoldRed),
        Level::Fatal => ("FATAL", Look::BoldRed),
    }
}

fn message_look(level: Option<Level>) -> Look {
    match level {
        Some(Level::Trace | Level::Debug) => Look::Dim,
        Some(Level::Error | Level::Fatal) => Look::Bold,
        _ => Look::Plain,
    }
}
