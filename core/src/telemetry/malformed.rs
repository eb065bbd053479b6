//! Pieces of a body that are no events.

use std::fmt;

use crate::telemetry::json::SyntaxError;

/// A piece of a body that is not an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed<'a> {
    /// The bytes as they came. Of neighbouring malformed elements those of all, with what separates them.
    pub raw: &'a [u8],
    /// What is wrong with the first of them.
    pub error: Fault,
    /// The body ends within a log line's record, where Lambda cut it; the other part comes in another body. `raw` ends
    /// at the cut. This is the length of what is repeated there: `{"time":…,"type":…,"record":`.
    pub cut: Option<usize>,
}

/// The mistake in a piece. Its text is made where it is shown: a body may hold a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// At a byte.
    At(SyntaxError),
    /// Of the whole piece.
    Whole(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(error) => error.fmt(f),
            Self::Whole(error) => f.write_str(error),
        }
    }
}
