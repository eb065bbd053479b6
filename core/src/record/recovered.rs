//! Lines that were found on disk: an earlier process wrote them, or somebody who wants to be taken for it.

use crate::record::chunk::Chunk;
use crate::record::origin::Origin;
use crate::telemetry::json::{Scanner, unescape};

/// True if every line of the chunk is an object, and numbered as the chunk says: `stamped` lines have one member `forwarder`
/// with this owner and their own `seq`. Lines of the envelope `raw` are not stamped, and can only be objects.
pub(crate) fn is_sound(chunk: &Chunk, owner: &Origin, stamped: bool) -> bool {
    let Ok(text) = std::str::from_utf8(&chunk.lines) else {
        return false;
    };
    let mut seq = chunk.seq.clone();
    let are_sound = text.split_inclusive('\n').all(|line| {
        let line = line.strip_suffix('\n');
        line.zip(seq.next()).is_some_and(|(line, seq)| {
            let stamps = stamps(line, owner, seq);
            stamps == Some(usize::from(stamped))
        })
    });
    are_sound && seq.is_empty()
}

/// How many members `forwarder` a line has; `None` if it is no object, or one of them is another's.
fn stamps(line: &str, owner: &Origin, seq: u64) -> Option<usize> {
    let mut scanner = Scanner::new(line);
    let mut stamps = 0;
    let mut are_ours = true;
    let walked = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        if unescape(&format!("\"{key}\"")) == "forwarder" {
            stamps += 1;
            are_ours &= is_ours(value, owner, seq);
        }
        Ok(())
    });
    (walked.is_ok() && scanner.pos == line.len() && are_ours).then_some(stamps)
}

fn is_ours(stamp: &str, owner: &Origin, seq: u64) -> bool {
    let mut scanner = Scanner::new(stamp);
    let (mut id, mut sink, mut number) = (0, 0, 0);
    let walked = scanner.object(|scanner, key| {
        let value = scanner.value()?;
        match key {
            "id" => id += 1 + 8 * usize::from(unescape(value) != owner.id.as_str()),
            "sink" => sink += 1 + 8 * usize::from(unescape(value) != owner.sink.as_str()),
            "seq" => number += 1 + 8 * usize::from(value.parse() != Ok(seq)),
            _ => {}
        }
        Ok(())
    });
    walked.is_ok() && (id, sink, number) == (1, 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound(lines: &str, first: u64, stamped: bool) -> bool {
        let count = lines.matches('\n').count() as u64;
        let chunk = Chunk {
            lines: bytes::Bytes::copy_from_slice(lines.as_bytes()),
            seq: first..first + count,
            since: tokio::time::Instant::now(),
        };
        let owner = Origin {
            id: "0123456789abcdef".into(),
            sink: "kinesis".into(),
        };
        is_sound(&chunk, &owner, stamped)
    }

    #[test]
    fn only_lines_of_their_owner_with_their_number_are_sound() {
        let line = |seq: u64| {
            format!(
                r#"{{"type":"function","record":"x","forwarder":{{"id":"0123456789abcdef","sink":"kinesis","seq":{seq}}}}}"#
            )
        };
        let both = format!("{}\n{}\n", line(7), line(8));
        assert!(sound(&both, 7, true));
        assert!(!sound(&both, 6, true));
        assert!(!sound(&both, 7, false), "a raw line has no stamp");
        assert!(sound("{\"type\":\"function\"}\n", 0, false));
        let one = line(7);
        for forged in [
            one.replace("abcdef", "abcdee"),
            one.replace("kinesis", "firehose"),
            one.replace("forwarder", "forwarded"),
            one.replace("\"type\"", "\"forwarde\\u0072\":{},\"type\""),
            one.replace("\"seq\":7", "\"seq\":7,\"seq\":8"),
            one.replace("\"seq\":7", "\"seq\":\"7\""),
            format!("[{one}]"),
            format!("{one} {one}"),
            one.replace("}}", "}"),
            "no JSON".to_owned(),
        ] {
            assert!(!sound(&format!("{forged}\n"), 7, true), "{forged}");
        }
        assert!(!sound(&one, 7, true), "no line feed, no line");
    }
}
