//! Lines of loggers, as their documentation shows them.

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
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\tWARN\tslow\n"),
            Some(Level::Warn),
        ),
        (
            "2026-11-20T09:14:02.820Z\tundefined\tERROR\tUncaught Exception \t{\"a\":1}\n".into(),
            Some(Level::Error),
        ),
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\tdbug\tnet\n"),
            Some(Level::Debug),
        ),
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\tfail\tnet\n"),
            Some(Level::Error),
        ),
        (
            format!("[WARNING]\t2026-11-20T09:14:02.820Z\t{ID}\tlow stock\n"),
            Some(Level::Warn),
        ),
        (
            "[ERROR] ValueError: no\nTraceback (most recent call last):\n".into(),
            Some(Level::Error),
        ),
        ("[CRITICAL]\t2026\n".into(), Some(Level::Fatal)),
        ("ERROR:root:python basicConfig\n".into(), Some(Level::Error)),
        (
            format!("2026-11-20 09:14:02 {ID} ERROR Handler:34 - message\n"),
            Some(Level::Error),
        ),
        (
            "09:14:02.120 [main] WARN  com.example.Handler - message\n".into(),
            Some(Level::Warn),
        ),
        ("SEVERE: java.util.logging\n".into(), Some(Level::Error)),
        (
            format!("E, [2026-11-20T09:14:02.820123 #8] ERROR {ID} -- : message\n"),
            Some(Level::Error),
        ),
        (
            "time=2026-11-20T09:14:02.820Z level=ERROR msg=\"level=DEBUG\"\n".into(),
            Some(Level::Error),
        ),
        (
            "time=2026-11-20T09:14:02.820Z level=WARN+1 msg=x\n".into(),
            Some(Level::Warn),
        ),
        ("2026/11/20 09:14:02 DEBUG msg=x\n".into(), Some(Level::Debug)),
        (
            "2026-11-20T09:14:02.820123Z  WARN request{id=1}: app: message\n".into(),
            Some(Level::Warn),
        ),
        (
            "\u{1b}[2m2026-11-20T09:14:02.820123Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m \u{1b}[2mapp\u{1b}[0m: message\n"
                .into(),
            Some(Level::Error),
        ),
        (" INFO app: without time\n".into(), Some(Level::Info)),
        (
            "{\"level\":\"error\",\"msg\":\"pino under the text format\"}\n".into(),
            Some(Level::Error),
        ),
        ("{\"level\":50}\n".into(), Some(Level::Error)),
        (
            "{\"time\":\"x\",\"level\":\"WARN+1\",\"msg\":\"slog\"}\n".into(),
            Some(Level::Warn),
        ),
        ("{\"a\":{\"level\":\"ERROR\"}} no JSON\n".into(), None),
        ("[main] ERROR com.example.Handler - log4j\n".into(), Some(Level::Error)),
        (
            "[ERROR] 2026-11-20 09:14:02.820 [main] Handler - logback\n".into(),
            Some(Level::Error),
        ),
        (
            "2026-11-20T09:14:02.820Z ERROR [main] Handler:34 - log4j2\n".into(),
            Some(Level::Error),
        ),
        (
            format!("2026-11-20T09:14:02.820Z {ID} WARN Handler - lambda log4j2\n"),
            Some(Level::Warn),
        ),
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\tcrit\tnet\n"),
            Some(Level::Fatal),
        ),
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\ttrce\tnet\n"),
            Some(Level::Trace),
        ),
        (
            format!("2026-11-20T09:14:02.820Z\t{ID}\tinfo\tnet\n"),
            Some(Level::Info),
        ),
        (
            format!("W, [2026-11-20T09:14:02.820123 #8]  WARN {ID} -- : message\n"),
            Some(Level::Warn),
        ),
        (
            "time=\"2026-11-20T09:14:02Z\" level=fatal msg=logrus\n".into(),
            Some(Level::Fatal),
        ),
        (
            "ts=2026-11-20T09:14:02Z caller=x.go:1 level=debug msg=go-kit\n".into(),
            Some(Level::Debug),
        ),
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

#[test]
fn prose_that_resembles_a_format_has_no_level() {
    for line in [
        "upload - error - retry\n",
        "upload - ERROR in prose\n",
        "2026-11-20 09:14:02 upload - error in prose\n",
        "2026-11-20 09:14:02 upload ERROR in prose\n",
        "2026-11-20 09:14:02 host app[x] ERROR in prose\n",
        "2026-11-20 09:14:02 a plan E: in prose\n",
        "W: is a drive\n",
        "F1120 is a form\n",
        "E261120 0914 is a number\n",
        "✖ error handling is off\n",
        "✖  errors are off\n",
        "[W] is a letter\n",
        "[orders:ERROR:7] is a name\n",
        "method=GET error=false warn: no\n",
    ] {
        assert_eq!(of_line(line), None, "{line:?}");
    }
}
