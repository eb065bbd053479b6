//! The command line, read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::*;
use local_lambda::{LogFormat, Mode};

/// Text of `--help`.
pub(crate) const HELP: &str = "\
Runs a function and its extensions as Lambda does, on this machine.

Usage: local-lambda [--function PATH] [--extension PATH]... [options]

  --function PATH         the bootstrap executable; without it every invocation succeeds at once
  --extension PATH        an extension's executable; repeat it for more
  --mode MODE             the kind of Lambda: on-demand (default), provisioned-concurrency, snapstart,
                          managed-instances
  --concurrency N         managed-instances: so many invocations at once; default 10
  --tenant ID             tenant isolation: the environment belongs to this tenant
  --durable NAME          all invocations belong to one durable execution of this name
  --env NAME=VALUE        a variable of the function, which its extensions see too; repeat it for more
  --invoke JSON           an event to invoke with; repeat it for more; default {}
  --count N               invoke with all events N times over; default 1
  --memory MB             the memory that is told to the function; default 128
  --limit-memory          kill the function when it and its extensions have more memory than that
  --timeout SECONDS       the function's timeout; default 3
  --init-timeout SECONDS  the limit of init, past which it runs again inside the first invocation
  --log-format FORMAT     text or json; default text, managed-instances: json
  --chaos SEED            whatever can happen, by a seed, which chooses the mode where --mode does not
  --shutdown-reason NAME  spindown (default), timeout, failure
  --telemetry-out FILE    write every telemetry event to FILE, one a line
  --help                  print this

Exit codes: 0 good, 1 something failed, 2 wrong usage.
";

/// The command.
#[derive(Debug)]
pub(crate) enum Command {
    Help,
    Run(Box<Arguments>),
}

#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) function: Option<PathBuf>,
    pub(crate) extensions: Vec<PathBuf>,
    /// Address or path that was chosen.
    pub(crate) mode: Option<Mode>,
    pub(crate) concurrency: usize,
    pub(crate) tenant: Option<String>,
    pub(crate) durable: Option<String>,
    pub(crate) chaos: Option<u64>,
    pub(crate) limit_memory: bool,
    pub(crate) init_timeout: Option<Duration>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) events: Vec<String>,
    pub(crate) count: usize,
    pub(crate) memory_mb: u32,
    pub(crate) timeout: Duration,
    /// Address or path that was chosen.
    pub(crate) log_format: Option<LogFormat>,
    pub(crate) shutdown_reason: String,
    pub(crate) telemetry_out: Option<PathBuf>,
}

impl Command {
    pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut parsed = Arguments {
            function: None,
            extensions: Vec::new(),
            mode: None,
            concurrency: 10,
            tenant: None,
            durable: None,
            chaos: None,
            limit_memory: false,
            init_timeout: None,
            variables: Vec::new(),
            events: Vec::new(),
            count: 1,
            memory_mb: 128,
            timeout: Duration::from_secs(3),
            log_format: None,
            shutdown_reason: "spindown".into(),
            telemetry_out: None,
        };
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("function") => parsed.function = Some(parser.value()?.into()),
                Long("extension") => parsed.extensions.push(parser.value()?.into()),
                Long("mode") => parsed.mode = Some(parser.value()?.parse_with(mode)?),
                Long("concurrency") => parsed.concurrency = parser.value()?.parse_with(concurrency)?,
                Long("tenant") => parsed.tenant = Some(parser.value()?.string()?),
                Long("durable") => parsed.durable = Some(parser.value()?.string()?),
                Long("chaos") => parsed.chaos = Some(parser.value()?.parse()?),
                Long("limit-memory") => parsed.limit_memory = true,
                Long("init-timeout") => parsed.init_timeout = Some(parser.value()?.parse_with(seconds)?),
                Long("env") => parsed.variables.push(parser.value()?.parse_with(variable)?),
                Long("invoke") => parsed.events.push(parser.value()?.parse_with(event)?),
                Long("count") => parsed.count = parser.value()?.parse()?,
                Long("memory") => parsed.memory_mb = parser.value()?.parse()?,
                Long("timeout") => parsed.timeout = parser.value()?.parse_with(seconds)?,
                Long("log-format") => parsed.log_format = Some(parser.value()?.parse_with(log_format)?),
                Long("shutdown-reason") => parsed.shutdown_reason = parser.value()?.string()?,
                Long("telemetry-out") => parsed.telemetry_out = Some(parser.value()?.into()),
                Long("help") | Short('h') => return Ok(Self::Help),
                other => return Err(other.unexpected()),
            }
        }
        if parsed.function.is_none() && parsed.extensions.is_empty() {
            return Err("give a --function, an --extension, or both".into());
        }
        if parsed.chaos.is_some() && parsed.function.is_none() {
            return Err("chaos needs a --function to befall".into());
        }
        let one_by_one = parsed.mode != Some(Mode::ManagedInstances) && parsed.chaos.is_none();
        if parsed.durable.is_some() && !one_by_one {
            return Err("a durable execution is one invocation after the other: no managed-instances, no chaos".into());
        }
        if parsed.events.is_empty() {
            parsed.events.push("{}".into());
        }
        Ok(Self::Run(Box::new(parsed)))
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    let names = Mode::ALL.map(Mode::name).join(", ");
    Mode::named(text).ok_or_else(|| format!("expected one of {names}"))
}

fn concurrency(text: &str) -> Result<usize, String> {
    match text.parse() {
        // AWS_LAMBDA_MAX_CONCURRENCY.
        Ok(number @ 1..=1600) => Ok(number),
        _ => Err("expected a number from 1 to 1600".into()),
    }
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".into()),
    }
}

fn event(text: &str) -> Result<String, serde_json::Error> {
    serde_json::from_str::<serde::de::IgnoredAny>(text)?;
    Ok(text.to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds")?;
    // Lambda functions quota.
    if seconds > 0.0 && seconds <= 900.0 {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("expected more than 0 and at most 900 seconds".into())
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text.to_ascii_lowercase().as_str() {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected text or json".into()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, lexopt::Error> {
        let words = std::iter::once("local-lambda").chain(line.split_whitespace());
        Command::parse(words.map(OsString::from))
    }

    #[test]
    fn everything_has_a_place() {
        let line = "--function f --extension a --extension b --mode snap-start --env K=V=W --invoke {\"a\":1} --count 3 \
                    --memory 512 --timeout 1.5 --log-format JSON --shutdown-reason failure --telemetry-out o \
                    --concurrency 4 --tenant blue --durable order --limit-memory --init-timeout 2";
        let Command::Run(arguments) = parse(line).unwrap() else {
            panic!("it should run")
        };
        assert_eq!((arguments.extensions.len(), arguments.mode), (2, Some(Mode::SnapStart)));
        assert_eq!(arguments.variables, [("K".to_owned(), "V=W".to_owned())]);
        assert_eq!((arguments.events.len(), arguments.count), (1, 3));
        assert_eq!(
            (arguments.memory_mb, arguments.timeout),
            (512, Duration::from_millis(1500))
        );
        assert_eq!((arguments.concurrency, arguments.limit_memory), (4, true));
        assert_eq!(
            (arguments.tenant.as_deref(), arguments.durable.as_deref()),
            (Some("blue"), Some("order"))
        );
        assert_eq!(arguments.init_timeout, Some(Duration::from_secs(2)));
        assert_eq!(arguments.log_format, Some(LogFormat::Json));
    }

    #[test]
    fn mistakes_are_told() {
        for line in [
            "",
            "--function",
            "--function f --env KV",
            "--function f --invoke {",
            "--function f --timeout 0",
            "--function f --timeout NaN",
            "--function f --log-format xml",
            "--function f --mode somewhere",
            "--function f --concurrency 0",
            "--extension e --chaos 1",
            "--function f --chaos 1 --durable x",
            "--function f --mode managed-instances --durable x",
            "--function f --count many",
            "--function f --unknown",
            "--function f extra",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
