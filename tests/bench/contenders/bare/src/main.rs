//! The least that an extension can be: what `make bench` holds every other extension against.

use std::io::{self, BufRead, BufReader, Error, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Address that telemetry is posted to, as for the forwarder.
const PORT: &str = "FORWARDER_TELEMETRY__PORT";

/// The thread that takes posts needs little.
const STACK_BYTES: usize = 64 << 10;

fn main() -> io::Result<()> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API").map_err(Error::other)?;
    let name = std::env::current_exe()?;
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    let mut api = Connection::new(TcpStream::connect(&address)?)?;

    let events = r#"{"events":["INVOKE","SHUTDOWN"]}"#;
    let registered = api.call(
        &format!("POST /2020-01-01/extension/register HTTP/1.1\r\nlambda-extension-name: {name}"),
        &address,
        events,
    )?;
    let identifier = registered
        .header("lambda-extension-identifier")
        .ok_or_else(|| Error::other("no identifier"))?;

    let port: u16 = std::env::var(PORT)
        .ok()
        .and_then(|port| port.parse().ok())
        .unwrap_or(4243);
    let listener = TcpListener::bind(("0.0.0.0", port))?;
    thread::Builder::new()
        .stack_size(STACK_BYTES)
        .spawn(move || listen(&listener))?;
    let subscription = format!(
        r#"{{"schemaVersion":"2022-12-13","types":["platform","function"],"buffering":{{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}},"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}"}}}}"#
    );
    api.call(
        &format!("PUT /2022-07-01/telemetry HTTP/1.1\r\nlambda-extension-identifier: {identifier}"),
        &address,
        &subscription,
    )?;

    let next = format!("GET /2020-01-01/extension/event/next HTTP/1.1\r\nlambda-extension-identifier: {identifier}");
    loop {
        let event = api.call(&next, &address, "")?;
        if event.body.windows(8).any(|window| window == b"SHUTDOWN") {
            return Ok(());
        }
    }
}

/// Answers every post, one connection after the other: Lambda has one.
fn listen(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        // Whoever closes the connection or breaks it may open another.
        let _ = Connection::new(stream).and_then(|mut posts| posts.answer());
    }
}

/// A connection that is kept open.
struct Connection {
    stream: BufReader<TcpStream>,
}

/// Head and body of a request or an answer.
struct Message {
    /// The first line and the headers.
    head: Vec<String>,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    /// `request` is the request line and one header.
    fn call(&mut self, request: &str, host: &str, body: &str) -> io::Result<Message> {
        let length = body.len();
        let text = format!("{request}\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{body}");
        self.stream.get_mut().write_all(text.as_bytes())?;
        let answer = self.read(&mut Vec::new())?.ok_or(io::ErrorKind::UnexpectedEof)?;
        match answer.head.first() {
            Some(status) if status.starts_with("HTTP/1.1 2") => Ok(answer),
            status => Err(Error::other(format!("{request}: {status:?}"))),
        }
    }

    /// Until the peer closes the connection.
    fn answer(&mut self) -> io::Result<()> {
        let mut buffer = Vec::new();
        while let Some(post) = self.read(&mut buffer)? {
            buffer = post.body;
            self.stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        }
        Ok(())
    }

    /// `None` at the end. The body takes the place of what is in `buffer`.
    fn read(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<Message>> {
        let mut message = Message {
            head: Vec::new(),
            body: std::mem::take(buffer),
        };
        loop {
            let mut line = String::new();
            if self.stream.read_line(&mut line)? == 0 {
                return Ok(None);
            }
            match line.trim_end() {
                "" => break,
                line => message.head.push(line.to_owned()),
            }
        }
        let length = message.header("content-length").and_then(|length| length.parse().ok());
        message.body.resize(length.unwrap_or(0), 0);
        self.stream.read_exact(&mut message.body)?;
        Ok(Some(message))
    }
}
