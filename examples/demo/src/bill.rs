//! Sizes as Kinesis bills them.

/// A KB on AWS's bills, bytes. Kinesis Data Streams pricing page.
const KB: usize = 1_024;

/// A partition key of the forwarder, bytes: what a record of one event would be given too.
const KEY_BYTES: usize = 32;

/// Size that Kinesis bills for a record on demand: its size, the key included, rounded up to the next KB. Kinesis Data
/// Streams pricing page.
pub(crate) fn billed_kb(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(KB).max(1)).unwrap_or(u64::MAX)
}

/// Size that Kinesis would bill if each event went as a record of its own, as Lambda sent it and with nothing added.
pub(crate) fn billed_kb_one_by_one<'a>(events: impl IntoIterator<Item = &'a str>) -> u64 {
    events.into_iter().map(|event| billed_kb(event.len() + KEY_BYTES)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_record_is_rounded_up_with_its_key() {
        assert_eq!([0, 1, 1_024, 1_025, 25_000].map(billed_kb), [1, 1, 1, 2, 25]);
        let event = |bytes| "x".repeat(bytes);
        let events = [event(1), event(1_024 - KEY_BYTES), event(1_025 - KEY_BYTES)];
        assert_eq!(billed_kb_one_by_one(events.iter().map(String::as_str)), 1 + 1 + 2);
    }
}
