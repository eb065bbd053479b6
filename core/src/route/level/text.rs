//! The level that a text line shows, in the formats of the managed runtimes and their usual loggers.

use std::borrow::Cow;

use super::Level;
use crate::route::skim;
use crate::telemetry::json::unescape_into;

/// How much of a text line is searched for its level, in bytes of JSON text. The longest known prefix, Rust's tracing
/// with colours and a request's span, stays well below.
const HEAD_BYTES: usize = 256;

/// How many words may stand before the level: date, time, request id, thread, logger.
const WORDS_BEFORE_LEVEL: usize = 5;

/// The level that a text line shows. `json` is its JSON text, `scratch` memory to work in.
pub(super) fn level(json: &str, scratch: &mut String) -> Option<Level> {
    scratch.clear();
    if json.starts_with("\"{") {
        unescape_into(json, scratch);
        return of_json_in_text(scratch);
    }
    unescape_into(head(json), scratch);
    let line = without_colours(scratch);
    let line = line.trim_start();
    bracketed(line)
        .or_else(|| third_field(line))
        .or_else(|| ruby(line))
        .or_else(|| logfmt(line))
        .or_else(|| leading_word(line))
}

/// A structured logger under the text log format: the line is a JSON object.
fn of_json_in_text(text: &str) -> Option<Level> {
    Level::from_json(skim::child(text, "level")?)
}

/// The first [`HEAD_BYTES`] of a line's text, escaped as it is. An escape cut in two only garbles the very end.
fn head(json: &str) -> &str {
    let inner = json.get(1..json.len() - 1).unwrap_or_default();
    let mut end = inner.len().min(HEAD_BYTES);
    while !inner.is_char_boundary(end) {
        end -= 1;
    }
    inner.get(..end).unwrap_or_default()
}

/// Drops terminal colours (`ESC [ … m`), which Rust's tracing writes.
pub(super) fn without_colours(text: &str) -> Cow<'_, str> {
    if !text.contains('\u{1b}') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Python: `[INFO]\t2026-…Z\t<request>\tmessage`, `[ERROR] ValueError: …`.
fn bracketed(line: &str) -> Option<Level> {
    let (name, _) = line.strip_prefix('[')?.split_once(']')?;
    Level::from_library_name(name.trim())
}

/// Node.js and .NET: `2026-…Z\t<request>\tINFO\tmessage`.
fn third_field(line: &str) -> Option<Level> {
    let mut fields = line.split('\t');
    fields
        .next()
        .filter(|field| looks_like_time(field))
        .and(fields.nth(1))
        .and_then(|name| Level::from_library_name(name.trim()))
}

/// Ruby: `I, [2026-11-20T09:14:02.820123 #8]  INFO <request> -- : message`.
fn ruby(line: &str) -> Option<Level> {
    let mut chars = line.chars();
    let letter = chars.next()?;
    chars.as_str().strip_prefix(", [")?;
    Some(match letter {
        'D' => Level::Debug,
        'I' | 'A' => Level::Info,
        'W' => Level::Warn,
        'E' => Level::Error,
        'F' => Level::Fatal,
        _ => return None,
    })
}

/// Go's slog: `time=… level=INFO msg=…`.
fn logfmt(line: &str) -> Option<Level> {
    if !line.split(' ').next()?.contains('=') {
        return None;
    }
    let value = line.split(' ').find_map(|pair| pair.strip_prefix("level="))?;
    Level::from_written(value.trim_matches('"'))
}

/// Java, Go's log, Rust's tracing, Python's basicConfig: the level in capitals after date, time, request, thread.
fn leading_word(line: &str) -> Option<Level> {
    for word in line.split_ascii_whitespace().take(WORDS_BEFORE_LEVEL + 1) {
        let name = word.split(':').next().unwrap_or(word);
        if name.len() >= 4
            && name.bytes().all(|byte| byte.is_ascii_uppercase())
            && let Some(level) = Level::from_library_name(name)
        {
            return Some(level);
        }
        let skippable = looks_like_time(word) || looks_like_id(word) || (word.starts_with('[') && word.ends_with(']'));
        if !skippable {
            return None;
        }
    }
    None
}

fn looks_like_time(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_digit())
        && word
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"-:.,/+TZ".contains(&byte))
}

fn looks_like_id(word: &str) -> bool {
    word.len() >= 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::json::write_string;

    const ID: &str = "7d0c1f2e-5b7a-4c53-9a41-3f9d2b6c8e10";

    fn of_line(line: &str) -> Option<Level> {
        let mut json = Vec::new();
        write_string(&mut json, line);
        level(
            std::str::from_utf8(&json).unwrap(),
            &mut String::from("of the line before"),
        )
    }

    #[test]
    fn text_formats_of_the_managed_runtimes() {
        for (line, level) in [
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tWARN\tslow\n"), Some(Level::Warn)),
            ("2026-11-20T09:14:02.820Z\tundefined\tERROR\tUncaught Exception \t{\"a\":1}\n".into(), Some(Level::Error)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tdbug\tnet\n"), Some(Level::Debug)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tfail\tnet\n"), Some(Level::Error)),
            (format!("[WARNING]\t2026-11-20T09:14:02.820Z\t{ID}\tlow stock\n"), Some(Level::Warn)),
            ("[ERROR] ValueError: no\nTraceback (most recent call last):\n".into(), Some(Level::Error)),
            ("[CRITICAL]\t2026\n".into(), Some(Level::Fatal)),
            ("ERROR:root:python basicConfig\n".into(), Some(Level::Error)),
            (format!("2026-11-20 09:14:02 {ID} ERROR Handler:34 - message\n"), Some(Level::Error)),
            ("09:14:02.120 [main] WARN  com.example.Handler - message\n".into(), Some(Level::Warn)),
            ("SEVERE: java.util.logging\n".into(), Some(Level::Error)),
            (format!("E, [2026-11-20T09:14:02.820123 #8] ERROR {ID} -- : message\n"), Some(Level::Error)),
            ("time=2026-11-20T09:14:02.820Z level=ERROR msg=\"level=DEBUG\"\n".into(), Some(Level::Error)),
            ("time=2026-11-20T09:14:02.820Z level=WARN+1 msg=x\n".into(), Some(Level::Warn)),
            ("2026/11/20 09:14:02 DEBUG msg=x\n".into(), Some(Level::Debug)),
            ("2026-11-20T09:14:02.820123Z  WARN request{id=1}: app: message\n".into(), Some(Level::Warn)),
            ("\u{1b}[2m2026-11-20T09:14:02.820123Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mapp\u{1b}[0m: message\n".into(), Some(Level::Error)),
            (" INFO app: without time\n".into(), Some(Level::Info)),
            ("{\"level\":\"error\",\"msg\":\"pino under the text format\"}\n".into(), Some(Level::Error)),
            ("{\"level\":50}\n".into(), Some(Level::Error)),
            ("{\"time\":\"x\",\"level\":\"WARN+1\",\"msg\":\"slog\"}\n".into(), Some(Level::Warn)),
            ("{\"a\":{\"level\":\"ERROR\"}} no JSON\n".into(), None),
            ("[main] ERROR com.example.Handler - log4j\n".into(), Some(Level::Error)),
            ("[ERROR] 2026-11-20 09:14:02.820 [main] Handler - logback\n".into(), Some(Level::Error)),
            ("2026-11-20T09:14:02.820Z ERROR [main] Handler:34 - log4j2\n".into(), Some(Level::Error)),
            (format!("2026-11-20T09:14:02.820Z {ID} WARN Handler - lambda log4j2\n"), Some(Level::Warn)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tcrit\tnet\n"), Some(Level::Fatal)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\ttrce\tnet\n"), Some(Level::Trace)),
            (format!("2026-11-20T09:14:02.820Z\t{ID}\tinfo\tnet\n"), Some(Level::Info)),
            (format!("W, [2026-11-20T09:14:02.820123 #8]  WARN {ID} -- : message\n"), Some(Level::Warn)),
            ("time=\"2026-11-20T09:14:02Z\" level=fatal msg=logrus\n".into(), Some(Level::Fatal)),
            ("ts=2026-11-20T09:14:02Z caller=x.go:1 level=debug msg=go-kit\n".into(), Some(Level::Debug)),
            ("Nov 20, 2026 9:14:02 AM com.example.Handler handle\n".into(), None),
            ("plain words\n".into(), None),
            ("Error: in prose is no level\n".into(), None),
            ("    at WARN (file.js:1)\n".into(), None),
            ("I, for one, am not Ruby\n".into(), None),
            ("".into(), None),
            ("[".into(), None),
        ] {
            assert_eq!(of_line(&line), level, "{line:?}");
        }
    }
}
