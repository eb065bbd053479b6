//! One event on its way into a lane.

use crate::telemetry::invocation::Context;

/// An event as a lane takes it.
#[derive(Debug, Clone, Copy)]
pub struct Line<'a> {
    /// The event's text, from `{` to `}`.
    pub event: &'a str,
    /// Its record's text, a part of `event`.
    pub record: Option<&'a str>,
    /// There are line breaks between its tokens.
    pub has_line_breaks: bool,
    /// The invocation that it belongs to.
    pub context: Context<'a>,
}
