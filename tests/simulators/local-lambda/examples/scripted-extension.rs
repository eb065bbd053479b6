//! An extension that does what its variables say: the counterpart that local-lambda is tested with, and a small
//! example of the protocol. Plain sockets and threads, no dependencies but JSON.
//!
//! | variable | |
//! |---|---|
//! | `SCRIPT_EVENTS` | the events to register for, comma-separated; default `INVOKE,SHUTDOWN` |
//! | `SCRIPT_REGISTER_AFTER_MS` | wait before registering |
//! | `SCRIPT_INIT_ERROR` | tell this error type after registering, and exit with 1 |
//! | `SCRIPT_TYPES` | the telemetry to subscribe to, comma-separated; nothing: no subscription |
//! | `SCRIPT_SCHEMA` | its schema version; default `2025-01-29` |
//! | `SCRIPT_PORT` | where to listen; default any free port |
//! | `SCRIPT_RECORD` | a file to which each accepted batch is appended, one a line |
//! | `SCRIPT_REFUSE` | answer so many POSTs with 500 first |
//! | `SCRIPT_PROBE` | make mistakes in init and at each invocation, and print how they were answered |
//! | `SCRIPT_INTERNAL` | register a second time as `internal`, as an extension inside a function's process does |
//! | `SCRIPT_DUMP_VARIABLES` | print the names of all variables |
//! | `SCRIPT_CREDENTIALS` | after init and at each event, fetch the credentials of a snapshot and print their key |
//! | `SCRIPT_HOLD_MS` | hold each invocation so long |
//! | `SCRIPT_EXIT_ON` | exit with 3 at `init`, `invoke` or `shutdown` |
//! | `SCRIPT_HANG_ON_SHUTDOWN` | do not exit at SHUTDOWN |
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "what it prints is what tests read"
)]
#![allow(
    clippy::disallowed_methods,
    reason = "what an extension should not do is what it is for"
)]

use std::error::Error;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Result<()> {
    if flag("SCRIPT_DUMP_VARIABLES") {
        let mut names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
        names.sort();
        println!("variables {}", names.join(","));
    }
    sleep("SCRIPT_REGISTER_AFTER_MS");
    let program = std::env::args().next().unwrap_or_default();
    let name = program.rsplit('/').next().unwrap_or_default().to_owned();
    let wanted = text("SCRIPT_EVENTS").unwrap_or_else(|| "INVOKE,SHUTDOWN".into());
    let body = json!({"events": list(&wanted)}).to_string();
    let headers = [
        ("Lambda-Extension-Name", name.as_str()),
        ("Lambda-Extension-Accept-Feature", "accountId"),
    ];
    let registered = call("POST", "/2020-01-01/extension/register", &headers, &body)?;
    println!("registered {} {}", registered.status, registered.body);
    let Some(id) = registered.header("lambda-extension-identifier") else {
        return Err("refused".into());
    };

    if let Some(error_type) = text("SCRIPT_INIT_ERROR") {
        let headers = [
            ("Lambda-Extension-Identifier", id.as_str()),
            ("Lambda-Extension-Function-Error-Type", &error_type),
        ];
        let body = r#"{"errorMessage":"told to fail","errorType":"x","stackTrace":[]}"#;
        call("POST", "/2020-01-01/extension/init/error", &headers, body)?;
        std::process::exit(1);
    }
    exit_on("init");
    if let Some(types) = text("SCRIPT_TYPES") {
        subscribe(&id, &types)?;
    }
    if flag("SCRIPT_PROBE") {
        probe(&id, &name)?;
    }
    if flag("SCRIPT_INTERNAL") {
        let headers = [("Lambda-Extension-Name", "internal")];
        let answer = call(
            "POST",
            "/2020-01-01/extension/register",
            &headers,
            r#"{"events":["INVOKE"]}"#,
        )?;
        let id = answer.header("lambda-extension-identifier").unwrap_or_default();
        std::thread::spawn(move || serve(&id));
    }
    credentials()?;
    serve(&id)
}

/// Prints `credentials STATUS KEY`.
fn credentials() -> Result<()> {
    if flag("SCRIPT_CREDENTIALS") {
        let uri = std::env::var("AWS_CONTAINER_CREDENTIALS_FULL_URI")?;
        let token = std::env::var("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
        let path = uri.splitn(4, '/').nth(3).unwrap_or_default();
        for token in [token.as_str(), "another"] {
            let answer = call("GET", &format!("/{path}"), &[("Authorization", token)], "")?;
            let given: Value = serde_json::from_str(&answer.body)?;
            let key = given.get("AccessKeyId").and_then(Value::as_str).unwrap_or_default();
            println!("credentials {} {key}", answer.status);
        }
    }
    Ok(())
}

/// The loop: one event after the other until SHUTDOWN.
fn serve(id: &str) -> Result<()> {
    loop {
        let headers = [("Lambda-Extension-Identifier", id)];
        let next = call("GET", "/2020-01-01/extension/event/next", &headers, "")?;
        let event: Value = serde_json::from_str(&next.body)?;
        eprintln!("event {}", next.body);
        if event.get("eventType").and_then(Value::as_str) == Some("SHUTDOWN") {
            exit_on("shutdown");
            if flag("SCRIPT_HANG_ON_SHUTDOWN") {
                loop {
                    std::thread::park();
                }
            }
            return Ok(());
        }
        exit_on("invoke");
        credentials()?;
        if flag("SCRIPT_PROBE") {
            probe_late(id)?;
        }
        sleep("SCRIPT_HOLD_MS");
    }
}

/// Listens, then subscribes.
fn subscribe(id: &str, types: &str) -> Result<()> {
    let port = text("SCRIPT_PORT").unwrap_or_else(|| "0".into());
    let listener = TcpListener::bind(format!("127.0.0.1:{port}"))?;
    let port = listener.local_addr()?.port();
    let refuse = text("SCRIPT_REFUSE").map_or(Ok(0), |count| count.parse::<u64>())?;
    std::thread::spawn(move || {
        let mut refuse = refuse;
        for stream in listener.incoming().flatten() {
            // A broken connection is made again by the other side.
            let _ = receive(stream, &mut refuse);
        }
    });
    let body = json!({
        "schemaVersion": text("SCRIPT_SCHEMA").unwrap_or_else(|| "2025-01-29".into()),
        "types": list(types),
        "buffering": {"maxItems": 1000, "maxBytes": 262_144, "timeoutMs": 25},
        "destination": {"protocol": "HTTP", "URI": format!("http://sandbox.localdomain:{port}/telemetry")},
    });
    let headers = [("Lambda-Extension-Identifier", id)];
    let answer = call("PUT", "/2022-07-01/telemetry", &headers, &body.to_string())?;
    println!("subscribed {} {}", answer.status, answer.body);
    Ok(())
}

/// Takes batches from one connection until it ends.
fn receive(stream: TcpStream, refuse: &mut u64) -> Result<()> {
    let mut record = text("SCRIPT_RECORD")
        .map(|path| OpenOptions::new().create(true).append(true).open(path))
        .transpose()?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(message) = Message::read(&mut reader)? {
        if *refuse > 0 {
            *refuse -= 1;
            writer.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")?;
            continue;
        }
        if let Some(record) = &mut record {
            record.write_all(format!("{}\n", message.body).as_bytes())?;
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
    }
    Ok(())
}

/// Calls that Lambda refuses, each printed as `probe WHAT STATUS ERROR_TYPE`.
fn probe(id: &str, name: &str) -> Result<()> {
    const REGISTER: &str = "/2020-01-01/extension/register";
    const NEXT: &str = "/2020-01-01/extension/event/next";
    let by_name = [("Lambda-Extension-Name", name)];
    let internal = [("Lambda-Extension-Name", "internal")];
    let by_id = [("Lambda-Extension-Identifier", id)];
    let stranger = [("Lambda-Extension-Identifier", "00000000-0000-4000-8000-000000000000")];
    let garbled = [("Lambda-Extension-Identifier", "garbled")];
    let tcp = r#"{"schemaVersion":"2025-01-29","types":["platform"],"destination":{"protocol":"TCP","port":1}}"#;
    let runtime = "/2018-06-01/runtime/invocation/unknown/response";
    for (what, method, path, headers, body) in [
        ("no-name", "POST", REGISTER, &[][..], "{}"),
        ("again", "POST", REGISTER, &by_name, "{}"),
        ("no-json", "POST", REGISTER, &by_name, "{"),
        ("event-type", "POST", REGISTER, &by_name, r#"{"events":["X"]}"#),
        ("keys", "POST", REGISTER, &by_name, r#"{"configurationKeys":["x"]}"#),
        (
            "internal-shutdown",
            "POST",
            REGISTER,
            &internal,
            r#"{"events":["SHUTDOWN"]}"#,
        ),
        ("no-id", "GET", NEXT, &[], ""),
        ("stranger", "GET", NEXT, &stranger, ""),
        ("garbled", "GET", NEXT, &garbled, ""),
        ("no-error-type", "POST", "/2020-01-01/extension/exit/error", &by_id, ""),
        ("tcp", "PUT", "/2022-07-01/telemetry", &by_id, tcp),
        ("telemetry-no-json", "PUT", "/2022-07-01/telemetry", &by_id, "{"),
        ("request-id", "POST", runtime, &[], "{}"),
        ("path", "GET", "/2018-06-01/elsewhere", &[], ""),
    ] {
        tell_error(what, &call(method, path, headers, body)?)?;
    }
    Ok(())
}

/// Calls that Lambda refuses after init, printed likewise.
fn probe_late(id: &str) -> Result<()> {
    let by_name = [("Lambda-Extension-Name", "late")];
    tell_error(
        "late-register",
        &call("POST", "/2020-01-01/extension/register", &by_name, "{}")?,
    )?;
    let by_id = [("Lambda-Extension-Identifier", id)];
    tell_error("late-subscribe", &call("PUT", "/2022-07-01/telemetry", &by_id, "{}")?)
}

fn tell_error(what: &str, answer: &Message) -> Result<()> {
    let error: Value = serde_json::from_str(&answer.body)?;
    let error_type = error.get("errorType").and_then(Value::as_str).unwrap_or_default();
    println!("probe {what} {} {error_type}", answer.status);
    Ok(())
}

fn text(variable: &str) -> Option<String> {
    std::env::var(variable).ok()
}

fn flag(variable: &str) -> bool {
    text(variable).is_some()
}

fn list(text: &str) -> Vec<&str> {
    text.split(',').filter(|item| !item.is_empty()).collect()
}

fn sleep(variable: &str) {
    if let Some(Ok(ms)) = text(variable).map(|ms| ms.parse()) {
        std::thread::sleep(Duration::from_millis(ms));
    }
}

fn exit_on(stage: &str) {
    if text("SCRIPT_EXIT_ON").as_deref() == Some(stage) {
        std::process::exit(3);
    }
}

/// A request or an answer as it came over the wire.
#[derive(Default)]
struct Message {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    /// Nothing where the connection has ended.
    fn read(reader: &mut impl BufRead) -> Result<Option<Self>> {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(None);
        }
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let mut message = Self {
            status: status.unwrap_or_default(),
            ..Self::default()
        };
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            message
                .headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let length = message
            .header("content-length")
            .map_or(Ok(0), |length| length.parse())?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        message.body = String::from_utf8(body)?;
        Ok(Some(message))
    }

    fn header(&self, name: &str) -> Option<String> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value.clone())
    }
}

/// One call to Lambda's API, on a connection of its own. It has no time-out: `next` waits as long as it takes.
fn call(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Message> {
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut stream = TcpStream::connect(&api)?;
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    stream.write_all(request.as_bytes())?;
    Message::read(&mut BufReader::new(stream))?.ok_or_else(|| "Lambda's API closed the connection".into())
}
