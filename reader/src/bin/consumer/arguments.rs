//! The command line, read.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use forwarder_core::route::pattern::Pattern;
use forwarder_core::route::{LEVEL_NAMES, Level};
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
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Arguments, String> {
        let words = std::iter::once("consumer").chain(line.split_whitespace());
        match Command::parse(words.map(OsString::from)) {
            Ok(Command::Read(arguments)) => Ok(*arguments),
            Ok(_) => Err("something else".into()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn everything_can_be_said() {
        let arguments = parse(
            "--from trim-horizon telemetry --checkpoint f --no-follow --for 10m --function a --function b* --request 8f \
             --level warn --type platform.* --grep x+ --json -q --verify --color always --endpoint http://127.0.0.1:1 \
             --fan-out look --fan-out-temporary",
        )
        .unwrap();
        assert_eq!(arguments.input, Input::Stream(Stream::Name("telemetry".into())));
        assert_eq!(arguments.start, Some(Start::TrimHorizon));
        assert_eq!(arguments.duration, Some(Duration::from_secs(600)));
        assert_eq!(
            (arguments.filter.functions.len(), arguments.filter.level),
            (2, Some(Level::Warn))
        );
        assert!(!arguments.follow && arguments.json && arguments.quiet && arguments.verify);
        assert_eq!(arguments.colours, Some(true));
        assert!(arguments.fan_out.as_deref() == Some("look") && arguments.fan_out_is_temporary);
    }

    #[test]
    fn an_arn_says_its_region_and_an_option_overrules_it() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry";
        assert_eq!(parse(arn).unwrap().access.region.as_deref(), Some("eu-west-1"));
        let other = parse(&format!("{arn} --region us-east-1")).unwrap();
        assert_eq!(other.access.region.as_deref(), Some("us-east-1"));
    }

    #[test]
    fn paths_are_told_from_streams() {
        let is_a_stream = |line: &str| matches!(parse(line).unwrap().input, Input::Stream(_));
        for line in [
            "telemetry",
            "a.b",
            "arn:aws:kinesis:eu-west-1:1:stream/a",
            "arn:aws:kinesis:eu-west-1:1:stream/a.gz",
        ] {
            assert!(is_a_stream(line), "{line}");
        }
        for line in [
            "-",
            "./telemetry",
            "telemetry/",
            "a.jsonl",
            "a.jsonl.gz",
            "a.zst",
            "a b",
            "- --from trim-horizon",
        ] {
            assert!(!is_a_stream(line), "{line}");
        }
        for (line, error) in [
            ("- --from 10m", "--from: files"),
            ("a/ --checkpoint c", "--checkpoint: files"),
            ("a/ --fan-out c", "--fan-out: files"),
        ] {
            assert!(parse(line).err().unwrap().starts_with(error), "{line}");
        }
    }

    #[test]
    fn the_first_word_may_be_a_command() {
        let arguments = parse("mcp mcp").unwrap();
        assert!(arguments.mcp && arguments.input.name() == "mcp");
        assert!(!parse("a").unwrap().mcp);
    }

    #[test]
    fn a_page_is_served_where_it_is_wanted() {
        for (line, address) in [
            ("a --web", "127.0.0.1:8400"),
            ("--web a", "127.0.0.1:8400"),
            ("--web 127.0.0.1:9000 a", "127.0.0.1:9000"),
            ("a --web localhost:0 --json", "127.0.0.1:0"),
            ("a --web=0.0.0.0:80", "0.0.0.0:80"),
            ("a --web [::1]:80", "[::1]:80"),
        ] {
            let arguments = parse(line).unwrap();
            assert_eq!(arguments.web.unwrap().to_string(), address, "{line}");
            assert_eq!(arguments.input.name(), "a", "{line}");
        }
        assert!(parse("a").unwrap().web.is_none());
    }

    #[test]
    fn mistakes_are_said_with_what_would_be_right() {
        for (line, part) in [
            ("", "which stream?"),
            ("a --form 10m", "--form"),
            ("a --from soon", "how long ago"),
            ("a --level loud", "no level `loud`; trace"),
            ("a --for ever", "--for: `ever` is no time such as"),
            ("a --grep (", "--grep"),
            ("a --web=8400", "no address with a port"),
            ("a --color green", "auto, always, never"),
            ("mcp", "which stream?"),
            ("mcp a --json", "standard output is the assistant's"),
            ("a --otlp localhost:4318", "--otlp: `localhost:4318` is no URL"),
            ("a --otlp http://a/v1/logs", "names one signal"),
            ("a --fan-out b/c", "no name of a consumer"),
            ("a --fan-out-temporary", "which consumer?"),
            ("a --endpoint localhost:4567", "begins with http://"),
        ] {
            let error = parse(line).err().unwrap();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
