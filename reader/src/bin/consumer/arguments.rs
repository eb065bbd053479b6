//! The command line, read.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use forwarder_core::route::pattern::Pattern;
use forwarder_core::route::{LEVEL_NAMES, Level};
use forwarder_core::telemetry::event::INVOCATION;
use lexopt::prelude::*;
use reader::aws::Access;
use reader::files::STANDARD_INPUT;
use reader::filter::Filter;
use reader::otlp::{BadEndpoint, Endpoint};
use reader::stream::{Start, Stream};
use reader::web::DEFAULT_ADDRESS;

/// The command.
pub(crate) enum Command {
    Help,
    Version,
    Read(Box<Arguments>),
}

/// What is read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Stream(Stream),
    Files(Vec<PathBuf>),
}

impl Input {
    /// What the words of the command line mean, as few as they are.
    fn of(words: Vec<OsString>) -> Result<Self, lexopt::Error> {
        match words.as_slice() {
            [] => Err("which stream? Usage: consumer STREAM [options], or consumer FILE…; see --help".into()),
            [word] if !is_a_path(word) => Ok(Self::Stream(Stream::new(word.clone().string()?))),
            _ => Ok(Self::Files(words.into_iter().map(PathBuf::from).collect())),
        }
    }

    /// As it was given.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stream(stream) => stream.as_str().to_owned(),
            Self::Files(paths) => match paths.as_slice() {
                [path] if path.as_os_str() == STANDARD_INPUT => "standard input".to_owned(),
                [path] => path.display().to_string(),
                paths => format!("{} files", paths.len()),
            },
        }
    }

    fn region(&self) -> Option<&str> {
        match self {
            Self::Stream(stream) => stream.region(),
            Self::Files(_) => None,
        }
    }
}

/// The names that files have; those of streams have no slash, but ARNs do.
fn is_a_path(word: &OsStr) -> bool {
    let Some(text) = word.to_str() else { return true };
    let endings = [".jsonl", ".ndjson", ".json", ".gz", ".zst"];
    if text.starts_with("arn:") {
        return false;
    }
    text == STANDARD_INPUT || text.contains('/') || endings.iter().any(|ending| text.ends_with(ending))
}

pub(crate) struct Arguments {
    pub(crate) input: Input,
    pub(crate) access: Access,
    pub(crate) start: Option<Start>,
    pub(crate) checkpoint: Option<PathBuf>,
    /// The consumer of enhanced fan-out to read through.
    pub(crate) fan_out: Option<String>,
    /// It is removed at the end, if it was registered here.
    pub(crate) fan_out_is_temporary: bool,
    pub(crate) follow: bool,
    pub(crate) duration: Option<Duration>,
    pub(crate) filter: Filter,
    pub(crate) json: bool,
    /// Rows of invocations alone, as a table.
    pub(crate) invocations: bool,
    pub(crate) quiet: bool,
    pub(crate) verify: bool,
    /// None: by what standard output is.
    pub(crate) colours: Option<bool>,
    /// Where lines are sent to.
    pub(crate) otlp: Option<Endpoint>,
    /// An assistant asks, on standard input.
    pub(crate) mcp: bool,
    /// Where a page is served.
    pub(crate) web: Option<SocketAddr>,
}

impl Command {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut words = Vec::new();
        let mut parsed = Arguments {
            input: Input::Files(Vec::new()),
            access: Access::default(),
            start: None,
            checkpoint: None,
            fan_out: None,
            fan_out_is_temporary: false,
            follow: true,
            duration: None,
            filter: Filter::default(),
            json: false,
            invocations: false,
            quiet: false,
            verify: false,
            colours: None,
            otlp: None,
            mcp: false,
            web: None,
        };
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            let Arguments {
                access, filter, mcp, ..
            } = &mut parsed;
            match argument {
                Value(word) if words.is_empty() && !*mcp && word == "mcp" => *mcp = true,
                Value(word) => words.push(word),
                Long("from") => parsed.start = Some(value(&mut parser, "--from", str::parse)?),
                Long("checkpoint") => parsed.checkpoint = Some(parser.value()?.into()),
                Long("fan-out") => parsed.fan_out = Some(value(&mut parser, "--fan-out", consumer_name)?),
                Long("fan-out-temporary") => parsed.fan_out_is_temporary = true,
                Long("no-follow") => parsed.follow = false,
                Long("for") => parsed.duration = Some(value(&mut parser, "--for", duration)?),
                Long("function") => filter.functions.push(parser.value()?.string()?),
                Long("request") => filter.requests.push(parser.value()?.string()?),
                Long("trace") => filter.traces.push(parser.value()?.string()?),
                Long("execution") => filter.executions.push(parser.value()?.string()?),
                Long("level") => filter.level = Some(value(&mut parser, "--level", level)?),
                Long("type") => filter.types.push(parser.value()?.string()?),
                Long("grep") => filter.patterns.push(value(&mut parser, "--grep", Pattern::new)?),
                Long("json") => parsed.json = true,
                Long("invocations") => parsed.invocations = true,
                Long("quiet") | Short('q') => parsed.quiet = true,
                Long("verify") => parsed.verify = true,
                Long("web") => parsed.web = Some(web(&mut parser)?),
                Long("otlp") => parsed.otlp = Some(value(&mut parser, "--otlp", otlp)?),
                Long("color") => parsed.colours = value(&mut parser, "--color", colours)?,
                Long("region") => access.region = Some(parser.value()?.string()?),
                Long("profile") => access.profile = Some(parser.value()?.string()?),
                Long("endpoint") => access.endpoint = Some(value(&mut parser, "--endpoint", endpoint)?),
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                other => return Err(other.unexpected()),
            }
        }
        parsed.input = Input::of(words)?;
        if parsed.access.region.is_none() {
            parsed.access.region = parsed.input.region().map(str::to_owned);
        }
        parsed.check()?;
        if parsed.invocations {
            parsed.filter.types = vec![INVOCATION.to_owned()];
        }
        Ok(Self::Read(Box::new(parsed)))
    }
}

impl Arguments {
    /// Options that do not go together.
    fn check(&self) -> Result<(), String> {
        if self.mcp && (self.json || !self.follow) {
            return Err(
                "mcp: standard output is the assistant's, for as long as it asks; no --json, no --no-follow".to_owned(),
            );
        }
        if self.invocations && (self.mcp || self.web.is_some() || self.otlp.is_some()) {
            return Err(format!(
                "--invocations: a table on standard output, which is not written to here; --type {INVOCATION} lets rows alone through"
            ));
        }
        if self.invocations && (self.filter.level.is_some() || !self.filter.types.is_empty()) {
            return Err("--invocations: rows have one type and no level; no --type, no --level".to_owned());
        }
        if self.fan_out_is_temporary && self.fan_out.is_none() {
            return Err("--fan-out-temporary: which consumer? --fan-out NAME".to_owned());
        }
        if matches!(self.input, Input::Stream(_)) {
            return Ok(());
        }
        let from = self.start.is_some_and(|start| start != Start::TrimHorizon);
        for (is_given, what) in [
            (
                from,
                "--from: files are read from their beginnings; with trim-horizon, processes are expected to be whole",
            ),
            (
                self.checkpoint.is_some(),
                "--checkpoint: files are read as a whole, only a stream is gone on with",
            ),
            (self.fan_out.is_some(), "--fan-out: files have no consumers"),
        ] {
            if is_given {
                return Err(what.to_owned());
            }
        }
        Ok(())
    }
}

/// An option's value; what is wrong with it is said with the option's name.
fn value<T, E: fmt::Display>(
    parser: &mut lexopt::Parser,
    option: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, lexopt::Error> {
    let text = parser.value()?.string()?;
    parse(&text).map_err(|error| format!("{option}: {error}").into())
}

/// Where the page is served: what follows, if it is an address, or the default.
fn web(parser: &mut lexopt::Parser) -> Result<SocketAddr, lexopt::Error> {
    let default = || address(DEFAULT_ADDRESS).map_err(lexopt::Error::from);
    if let Some(given) = parser.optional_value() {
        return address(&given.string()?).map_err(|error| format!("--web: {error}").into());
    }
    // A stream's name may follow.
    let next = parser
        .try_raw_args()
        .and_then(|words| words.peek().map(ToOwned::to_owned));
    let Some(found) = next.and_then(|word| address(word.to_str()?).ok()) else {
        return default();
    };
    let _ = parser.value();
    Ok(found)
}

/// `127.0.0.1:8400`, `[::1]:8400`, `localhost:8400`.
fn address(text: &str) -> Result<SocketAddr, String> {
    let numbers = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let numbers = numbers.as_deref().unwrap_or(text);
    numbers
        .parse()
        .map_err(|_| format!("`{text}` is no address with a port, such as {DEFAULT_ADDRESS}"))
}

fn otlp(url: &str) -> Result<Endpoint, BadEndpoint> {
    let headers = std::env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default();
    Endpoint::new(url, &headers)
}

/// Kinesis API reference, `RegisterStreamConsumer`.
fn consumer_name(name: &str) -> Result<String, String> {
    let is_one = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if (1..=128).contains(&name.len()) && name.bytes().all(is_one) {
        return Ok(name.to_owned());
    }
    Err(format!(
        "`{name}` is no name of a consumer: letters, digits, `_`, `.` and `-`, up to 128"
    ))
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|error| format!("`{text}` is no time such as `10m` or `1h 30m`: {error}"))
}

fn level(name: &str) -> Result<Level, String> {
    Level::from_name(name).ok_or_else(|| format!("there is no level `{name}`; {}", LEVEL_NAMES.join(", ")))
}

fn colours(when: &str) -> Result<Option<bool>, String> {
    match when {
        "auto" => Ok(None),
        "always" => Ok(Some(true)),
        "never" => Ok(Some(false)),
        _ => Err(format!("`{when}` is none of auto, always, never")),
    }
}

fn endpoint(url: &str) -> Result<String, String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url.to_owned());
    }
    Err(format!("`{url}` is no URL; it begins with http:// or https://"))
}

#[cfg(test)]
mod tests;
