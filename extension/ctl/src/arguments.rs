//! The command.

use std::ffi::OsString;

use lexopt::prelude::*;

use super::Output;

/// Text of `--help`.
pub(super) const HELP: &str = "\
forwarderctl: what a configuration of telemetry-forwarder means, before Lambda does it

Usage:
  forwarderctl check [FILE] [--strict] [--format text|json]
      Validates the configuration. Prints what is in force with where each value came from, the route table as it is
      understood, and warnings. FILE takes the place of FORWARDER_CONFIG.
  forwarderctl doctor [FILE] [--format text|json]
      Asks the account what the configuration would meet there: credentials, region and, for each sink, the stream, its
      mode, record size, distribution and key, and if a put is allowed. Nothing is written. One line a check: ok, warn or
      fail, and how to fix it.
  forwarderctl route [FILE] [--config FILE] [--format text|json]
      Tells for each telemetry event of FILE (or standard input; a JSON array, or one event a line) which rule takes it
      and where it goes.
  forwarderctl schema
      Prints the JSON Schema of the configuration file.
  forwarderctl cost [OPTIONS] [FILE]
      What a sample of telemetry costs under each format and compression, or with --fleet FILE what a fleet of functions
      needs and costs in a month; see forwarderctl cost --help.

The configuration is what the extension would read here: files and the variables FORWARDER_….

Options:
  --strict         warnings count: exit code 1
  --format FORMAT  text (default) or json
  --config FILE    the configuration file, in place of FORWARDER_CONFIG
  -h, --help       this text
  -V, --version    the version, and the features that were compiled in

Exit codes: 0 good, 1 warnings under --strict or what fails at `doctor`, 2 errors.";

/// The command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Help,
    Version,
    Schema,
    /// Its options are its own.
    Cost(Vec<String>),
    Check {
        file: Option<String>,
        strict: bool,
        output: Output,
    },
    Doctor {
        file: Option<String>,
        output: Output,
    },
    Route {
        file: Option<String>,
        config: Option<String>,
        output: Output,
    },
}

impl Command {
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, lexopt::Error> {
        let mut arguments = arguments.into_iter().peekable();
        if arguments.next_if(|first| first == "cost").is_some() {
            let options = arguments.map(|argument| argument.into_string().map_err(lexopt::Error::NonUnicodeValue));
            return Ok(Self::Cost(options.collect::<Result<_, _>>()?));
        }
        let mut values: Vec<String> = Vec::new();
        let (mut strict, mut output, mut config) = (false, None, None);
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => return Ok(Self::Help),
                Long("version") | Short('V') => return Ok(Self::Version),
                Long("strict") => strict = true,
                Long("format") => output = Some(parser.value()?.parse_with(format)?),
                Long("config") => config = Some(parser.value()?.string()?),
                Value(value) => values.push(value.string()?),
                other => return Err(other.unexpected()),
            }
        }
        let mut values = values.into_iter();
        let command = values.next().unwrap_or_default();
        let file = values.next();
        if let Some(value) = values.next() {
            return Err(format!("unexpected argument `{value}`").into());
        }
        match command.as_str() {
            "check" if config.is_none() => Ok(Self::Check {
                file,
                strict,
                output: output.unwrap_or_default(),
            }),
            "doctor" if !strict && config.is_none() => Ok(Self::Doctor {
                file,
                output: output.unwrap_or_default(),
            }),
            "route" if !strict => Ok(Self::Route {
                file,
                config,
                output: output.unwrap_or_default(),
            }),
            "schema" if file.is_none() && !strict && config.is_none() && output.is_none() => Ok(Self::Schema),
            "check" | "doctor" | "route" | "schema" => {
                Err(format!("`{command}` has no such option or argument").into())
            }
            "" => Err("a command is missing: check, doctor, route, schema or cost".into()),
            _ => {
                let near = forwarder_core::nearest(&command, ["check", "doctor", "route", "schema", "cost"]);
                let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
                Err(format!("unknown command `{command}`{hint}").into())
            }
        }
    }
}

fn format(name: &str) -> Result<Output, String> {
    match name {
        "text" => Ok(Output::Text),
        "json" => Ok(Output::Json),
        _ => Err("expected text or json".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let arguments = line.split_whitespace().map(OsString::from);
        Command::parse(arguments).map_err(|error| error.to_string())
    }

    #[test]
    fn commands_and_their_options() {
        let check = Command::Check {
            file: Some("x.toml".into()),
            strict: true,
            output: Output::Json,
        };
        assert_eq!(parse("check --strict x.toml --format=json"), Ok(check));
        let route = Command::Route {
            file: None,
            config: Some("c".into()),
            output: Output::Text,
        };
        assert_eq!(parse("route --config c"), Ok(route));
        let doctor = Command::Doctor {
            file: Some("x.toml".into()),
            output: Output::Json,
        };
        assert_eq!(parse("doctor x.toml --format json"), Ok(doctor));
        assert_eq!(parse("schema"), Ok(Command::Schema));
        assert_eq!(
            parse("cost --rate 5"),
            Ok(Command::Cost(vec!["--rate".into(), "5".into()]))
        );
        assert_eq!(parse("check --help"), Ok(Command::Help));
        assert_eq!(parse("-V"), Ok(Command::Version));
    }

    #[test]
    fn mistakes_are_told() {
        for (line, expected) in [
            ("", "a command is missing"),
            ("chekc", "did you mean `check`?"),
            ("check a b", "unexpected argument `b`"),
            ("check --format xml", "expected text or json"),
            ("check --loud", "--loud"),
            ("route --strict", "no such option"),
            ("doctor --strict", "no such option"),
            ("schema x", "no such option or argument"),
        ] {
            let error = parse(line).unwrap_err();
            assert!(error.contains(expected), "{line}: {error}");
        }
    }
}
