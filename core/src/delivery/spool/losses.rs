//! What was given up and is not announced yet, as one process leaves it to the next: one small file for each lane, written as
//! a whole.
//!
//! ```text
//! id ⇥ sink ⇥ reason { ⇥ first-last }      a line for each owner and reason
//! crc 1a2b3c4d                             of all lines before
//! ```
//! The details of losses are not kept.

use std::fmt::Write as _;
use std::sync::Arc;

use super::segment::crc;
use crate::record::origin::Origin;
use crate::record::ranges::{DropReason, Losses};

/// No file of losses is longer: bounds on ranges and owners keep it far below. Bytes.
pub(super) const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// The text of the file.
pub(super) fn write(losses: &Losses) -> String {
    let mut text = String::new();
    for (owner, dropped) in losses.clone().into_dropped() {
        for dropped in dropped {
            // Writing into a text cannot fail.
            let _ = write!(text, "{}\t{}\t{}", owner.id, owner.sink, dropped.reason.name());
            for [first, last] in dropped.ranges {
                let _ = write!(text, "\t{first}-{last}");
            }
            text.push('\n');
        }
    }
    let sum = crc(&[text.as_bytes()]);
    let _ = writeln!(text, "crc {sum:08x}");
    text
}

/// What such a file says; `None` if it is not whole.
pub(super) fn read(text: &str) -> Option<Losses> {
    let (lines, sum) = text.strip_suffix('\n')?.rsplit_once("crc ")?;
    if sum != format!("{:08x}", crc(&[lines.as_bytes()])) {
        return None;
    }
    let mut losses = Losses::default();
    for line in lines.lines() {
        let mut parts = line.split('\t');
        let owner = Arc::new(Origin {
            id: parts.next()?.to_owned(),
            sink: parts.next()?.to_owned(),
        });
        let reason = DropReason::from_name(parts.next()?)?;
        for range in parts {
            let (first, last) = range.split_once('-')?;
            let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
            losses.add(&owner, reason, None, &(first..last.checked_add(1)?));
        }
    }
    Some(losses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_is_not() {
        let mut losses = Losses::default();
        for (id, reason, seq) in [
            ("0123456789abcdef", DropReason::BufferFull, 0..10),
            ("0123456789abcdef", DropReason::BufferFull, 12..13),
            ("0123456789abcdef", DropReason::Shutdown, 20..30),
            ("fedcba9876543210", DropReason::Rejected, 0..1),
        ] {
            let owner = Arc::new(Origin {
                id: id.into(),
                sink: "kinesis".into(),
            });
            losses.add(&owner, reason, None, &seq);
        }
        let text = write(&losses);
        let again = read(&text).unwrap();
        assert_eq!(write(&again), text);
        assert_eq!(again.into_dropped().count(), 2);
        for end in 0..text.len() {
            assert!(read(&text[..end]).is_none(), "{:?}", &text[..end]);
        }
        assert!(read(&text.replace("0-9", "0-8")).is_none());
        assert!(read(&write(&Losses::default())).unwrap().is_empty());
    }
}
