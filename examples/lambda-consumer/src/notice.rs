//! Notices for the operator, as JSON lines in the function's log.

use std::io::{self, Write};

use serde::Serialize;

/// Bytes of a record that nobody can read which are shown: enough to tell a format.
const HEAD: usize = 16;

/// One thing to know. The names are stable: a metric filter or a subscription may look for them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Notice {
    /// A record that cannot be decoded. It is skipped: read again it would be no better. The stream keeps it, and shard
    /// and sequence number find it.
    CorruptRecord {
        shard: String,
        sequence_number: String,
        bytes: usize,
        /// Its first bytes, in hexadecimal.
        head: String,
        error: String,
    },
    /// Lines that are no events, in a record that can be read: one notice a record.
    CorruptLine {
        shard: String,
        sequence_number: String,
        /// The first of them, from 1.
        line: usize,
        /// How many.
        count: u64,
        error: String,
    },
    /// A line that came in parts, of which some are not in this batch.
    IncompleteLine {
        id: String,
        sink: String,
        /// The number of its first part.
        first: u64,
        parts: usize,
        of: usize,
    },
    /// More such lines, beyond those that have a notice each.
    IncompleteLines { count: u64 },
    /// Log records, data points and spans that the receiver of OTLP will never take.
    #[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "nothing is sent without it"))]
    Rejected {
        count: u64,
        /// Its reasons, a few of them.
        reasons: Vec<String>,
    },
}

impl Notice {
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a> {
            level: &'static str,
            #[serde(flatten)]
            notice: &'a Notice,
        }
        let level = match self {
            Self::CorruptRecord { .. } | Self::CorruptLine { .. } | Self::Rejected { .. } => "ERROR",
            Self::IncompleteLine { .. } | Self::IncompleteLines { .. } => "WARN",
        };
        serde_json::to_writer(&mut *out, &Line { level, notice: self })?;
        out.write_all(b"\n")
    }
}

/// The first bytes of some data, in hexadecimal.
pub(crate) fn head(data: &[u8]) -> String {
    data.iter().take(HEAD).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_line_with_level_and_event() {
        let notice = Notice::CorruptRecord {
            shard: "shardId-000000000002".into(),
            sequence_number: "4957".into(),
            bytes: 3,
            head: head(&[0x1f, 0x8b, 0x00]),
            error: "a \"b\"\n".into(),
        };
        let mut out = Vec::new();
        notice.write(&mut out).unwrap();
        let expected = concat!(
            r#"{"level":"ERROR","event":"corrupt_record","shard":"shardId-000000000002","sequenceNumber":"4957","#,
            r#""bytes":3,"head":"1f8b00","error":"a \"b\"\n"}"#,
            "\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
