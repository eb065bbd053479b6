//! Lines on their way into records.
//!
//! - [`line`](mod@line): an event on its way into a lane; [`envelope`]: the member `forwarder` of each line.
//! - `own_event`: events of the forwarder's own; [`stats`]: the counters that they report.
//! - [`chunk`]: the lines of one record; `origin`: who wrote them; `ranges`: which of them were given up.
//! - [`format`](mod@format): formats and compression of records; [`oversize`]: lines longer than a record.

pub mod chunk;
pub mod envelope;
pub mod format;
pub mod line;
pub(crate) mod origin;
pub mod oversize;
pub(crate) mod own_event;
pub(crate) mod ranges;
pub(crate) mod recovered;
pub mod stats;
