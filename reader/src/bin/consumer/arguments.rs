//! The command line, read.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use forwarder_core::route::pattern::Pattern;
use forwarder_core::route::{LEVEL_NAMES, Level};
use lexopt::prelude::*;
use reader::aws::Access;
use reader::filter::Filter;
use reader::stream::{Start, Stream};
use reader::web::DEFAULT_ADDRESS;

/// Text of `--help`.
pub(crate) const HELP: &str = "\
Shows the telemetry in a Kinesis stream as it arrives: all shards, every format, each event once.

Usage: consumer STREAM [options]        STREAM: a name or an ARN

Where it begins and ends
  --from PLACE         latest (default), trim-horizon, how long ago (10m, 2h), or a time (2026-11-20T09:14:00Z)
  --checkpoint FILE    go on where the last reader with this FILE stopped, and keep it up to date
  --no-follow          end once everything has been read that is there
  --for TIME           end after so long (10m)

What it shows: of each kind any, of different kinds all
  --function NAME      of this function; * stands for anything
  --request ID         of requests whose id begins like this
  --trace ID           of invocations in this trace, as X-Ray or OpenTelemetry writes it
  --execution ARN      of this durable execution; * stands for anything
  --level LEVEL        log lines of this level and above: trace, debug, info, warn, error, fatal
  --type TYPE          events of this type: function, platform.report, platform.*
  --grep REGEX         whose text matches; a stack trace is shown whole

How it shows it
  --json               the events as they came, one a line
  --quiet, -q          no events
  --verify             at the end: what is missing, announced as dropped, or repeated; exit code 1 if something is missing
  --web [ADDR]         on a page in your browser, at http://127.0.0.1:8400 unless ADDR says where: filters, invocations, charts,
                       proof. Where ADDR is not of this machine alone, the page's address has a token
  --color WHEN         auto (default: on a terminal, unless NO_COLOR is set), always, never

How it gets there; without them the environment and the profile say, as for any AWS tool
  --region NAME  --profile NAME  --endpoint URL

Events go to standard output; progress, notes and the closing table to standard error. Ctrl-C ends it.
The role needs kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords (and kms:Decrypt for a key of your own).

Exit codes: 0 good, 1 something is missing (--verify), 2 it could not begin or go on.
";

/// The command.
pub(crate) enum Command {
    Help,
    Version,
    Read(Box<Arguments>),
}

pub(crate) struct Arguments {
    pub(crate) stream: Stream,
    pub(crate) access: Access,
    pub(crate) start: Option<Start>,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) follow: bool,
    pub(crate) duration: Option<Duration>,
    pub(crate) filter: Filter,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    pub(crate) verify: bool,
    /// None: by what standard output is.
    pub(crate) colours: Option<bool>,
    /// Where a page is served.
    pub(crate) web: Option<SocketAddr>,
}

impl Command {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut stream = None;
        let mut parsed = Arguments {
            stream: Stream::new(""),
            access: Access::default(),
            start: None,
            checkpoint: None,
            follow: true,
            duration: None,
            filter: Filter::default(),
            json: false,
            quiet: false,
            verify: false,
            colours: None,
            web: None,
        };
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            let Arguments { access, filter, .. } = &mut parsed;
            match argument {
                Value(name) if stream.is_none() => stream = Some(Stream::new(name.string()?)),
                Long("from") => parsed.start = Some(value(&mut parser, "--from", str::parse)?),
                Long("checkpoint") => parsed.checkpoint = Some(parser.value()?.into()),
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
                Long("color") => parsed.colours = value(&mut parser, "--color", colours)?,
                Long("region") => access.region = Some(parser.value()?.string()?),
                Long("profile") => access.profile = Some(parser.value()?.string()?),
                Long("endpoint") => access.endpoint = Some(value(&mut parser, "--endpoint", endpoint)?),
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                other => return Err(other.unexpected()),
            }
        }
        parsed.stream = stream.ok_or("which stream? Usage: consumer STREAM [options]; see --help")?;
        if parsed.access.region.is_none() {
            parsed.access.region = parsed.stream.region().map(str::to_owned);
        }
        Ok(Self::Read(Box::new(parsed)))
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
             --level warn --type platform.* --grep x+ --json -q --verify --color always --endpoint http://127.0.0.1:1",
        )
        .unwrap();
        assert_eq!(arguments.stream, Stream::Name("telemetry".into()));
        assert_eq!(arguments.start, Some(Start::TrimHorizon));
        assert_eq!(arguments.duration, Some(Duration::from_secs(600)));
        assert_eq!(
            (arguments.filter.functions.len(), arguments.filter.level),
            (2, Some(Level::Warn))
        );
        assert!(!arguments.follow && arguments.json && arguments.quiet && arguments.verify);
        assert_eq!(arguments.colours, Some(true));
    }

    #[test]
    fn an_arn_says_its_region_and_an_option_overrules_it() {
        let arn = "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry";
        assert_eq!(parse(arn).unwrap().access.region.as_deref(), Some("eu-west-1"));
        let other = parse(&format!("{arn} --region us-east-1")).unwrap();
        assert_eq!(other.access.region.as_deref(), Some("us-east-1"));
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
            assert_eq!(arguments.stream.as_str(), "a", "{line}");
        }
        assert!(parse("a").unwrap().web.is_none());
    }

    #[test]
    fn mistakes_are_said_with_what_would_be_right() {
        for (line, part) in [
            ("", "which stream?"),
            ("a b", "unexpected argument \"b\""),
            ("a --form 10m", "--form"),
            ("a --from soon", "how long ago"),
            ("a --level loud", "no level `loud`; trace"),
            ("a --for ever", "--for: `ever` is no time such as"),
            ("a --grep (", "--grep"),
            ("a --web=8400", "no address with a port"),
            ("a --color green", "auto, always, never"),
            ("a --endpoint localhost:4567", "begins with http://"),
        ] {
            let error = parse(line).err().unwrap();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
