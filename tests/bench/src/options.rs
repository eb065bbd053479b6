//! Options of the command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::contender::Contender;
use crate::measure::load::Load;

/// For people.
pub const USAGE: &str = "\
Usage: process-bench [OPTION]…
What an extension's process costs, in runs that take turns. `make bench` builds all of it and runs this.

Who is measured:
  --bare PATH            the bare program, which the others are held against
  --forwarder PATH       the forwarder: as it comes, and with zstd, gzip, kpl
  --lean PATH            the forwarder with Kinesis alone
  --ordinary PATH        the same job the usual way
  --extension NAME=PATH  any other extension
  --env VARIABLE=VALUE   what the extension before it is configured with, besides AWS_ENDPOINT_URL_KINESIS and Lambda's own;
                         the stream is called `telemetry`

What is measured:
  --only WHAT[,WHAT]     start, load, added, small; all of it unless said
  --starts N             starts of each, 41 unless said
  --loads N              runs of each under load, 5 unless said
  --lines N              lines of 200 bytes in such a run, 400000 unless said
  --rate N               events in a second, 100000 unless said
  --seconds N            how long 1000 events a second come with 128 MB and 1/14 CPU, 60 unless said
  --function PATH        the function of the invocations whose added time is measured; without it that is left out

Where it goes, besides the terminal:
  --write FILE           put the tables between the markers in this file
  --plot FILE            draw them (SVG)

  -h, --help             this text";

/// Measurements to choose from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// From exec to the first `next`.
    Start,
    /// Many lines at once.
    Load,
    /// Time that an extension adds to invocations.
    Added,
    /// As on Lambda's smallest function.
    Small,
}

/// All of it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Contenders; the first is what the others are held against.
    pub contenders: Vec<Contender>,
    /// Chosen measurements.
    pub only: Vec<Measure>,
    /// Starts of each.
    pub starts: usize,
    /// Runs of each under load.
    pub loads: usize,
    /// Such a run.
    pub load: Load,
    /// Load of the smallest function.
    pub trickle: Load,
    /// The function of the invocations whose added time is measured.
    pub function: Option<PathBuf>,
    /// File for the tables.
    pub write: Option<PathBuf>,
    /// File for the plot.
    pub plot: Option<PathBuf>,
}

impl Options {
    /// Reads them; `None` if the usage is asked for.
    ///
    /// # Errors
    /// What is wrong, for a person.
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Option<Self>, lexopt::Error> {
        let mut options = Self {
            contenders: Vec::new(),
            only: vec![Measure::Start, Measure::Load, Measure::Added, Measure::Small],
            starts: 41,
            loads: 5,
            load: Load {
                lines: 400_000,
                rate: 100_000.0,
            },
            trickle: Load {
                lines: 60_000,
                rate: 1_000.0,
            },
            function: None,
            write: None,
            plot: None,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Short('h') | Long("help") => return Ok(None),
                Long("bare") => options.contenders.push(Contender::bare(path(&mut arguments)?)),
                Long("forwarder") => options.contenders.extend(Contender::forwarders(path(&mut arguments)?)),
                Long("lean") => {
                    let program = path(&mut arguments)?;
                    options
                        .contenders
                        .push(Contender::forwarder("forwarder, lean build", program, &[]));
                }
                Long("ordinary") => options.contenders.push(Contender::ordinary(path(&mut arguments)?)),
                Long("extension") => {
                    let (name, program) = pair(&mut arguments, "--extension", "NAME=PATH")?;
                    options.contenders.push(Contender {
                        name,
                        program: program.into(),
                        launcher: Vec::new(),
                        variables: Vec::new(),
                        forwards: true,
                    });
                }
                Long("env") => {
                    let variable = pair(&mut arguments, "--env", "VARIABLE=VALUE")?;
                    match options.contenders.last_mut() {
                        Some(contender) => contender.variables.push(variable),
                        None => return Err("--env stands behind the extension that it is for".into()),
                    }
                }
                Long("only") => {
                    let list = arguments.value()?.string()?;
                    options.only = list.split(',').map(measure).collect::<Result<_, _>>()?;
                }
                Long("starts") => options.starts = at_least_one(&mut arguments, "--starts")?,
                Long("loads") => options.loads = at_least_one(&mut arguments, "--loads")?,
                Long("lines") => options.load.lines = at_least_one(&mut arguments, "--lines")?,
                Long("rate") => options.load.rate = at_least_one(&mut arguments, "--rate")? as f64,
                Long("seconds") => {
                    let seconds = at_least_one(&mut arguments, "--seconds")?;
                    options.trickle.lines = (seconds as f64 * options.trickle.rate) as usize;
                }
                Long("function") => options.function = Some(path(&mut arguments)?),
                Long("write") => options.write = Some(path(&mut arguments)?),
                Long("plot") => options.plot = Some(path(&mut arguments)?),
                _ => return Err(argument.unexpected()),
            }
        }
        if options.contenders.is_empty() {
            return Err("nobody is named who should be measured".into());
        }
        for contender in &options.contenders {
            if !contender.program.is_file() {
                return Err(format!("{} is not there", contender.program.display()).into());
            }
        }
        Ok(Some(options))
    }

    /// True if this is to be measured.
    pub fn wants(&self, measure: Measure) -> bool {
        self.only.contains(&measure)
    }
}

fn path(arguments: &mut lexopt::Parser) -> Result<PathBuf, lexopt::Error> {
    Ok(PathBuf::from(arguments.value()?))
}

fn pair(arguments: &mut lexopt::Parser, option: &str, form: &str) -> Result<(String, String), lexopt::Error> {
    let value = arguments.value()?.string()?;
    let (name, value) = value
        .split_once('=')
        .ok_or_else(|| format!("{option} takes {form}, not `{value}`"))?;
    Ok((name.to_owned(), value.to_owned()))
}

fn at_least_one(arguments: &mut lexopt::Parser, option: &str) -> Result<usize, lexopt::Error> {
    let number: usize = arguments.value()?.parse()?;
    if number == 0 {
        return Err(format!("{option} must be at least 1").into());
    }
    Ok(number)
}

fn measure(name: &str) -> Result<Measure, lexopt::Error> {
    match name {
        "start" => Ok(Measure::Start),
        "load" => Ok(Measure::Load),
        "added" => Ok(Measure::Added),
        "small" => Ok(Measure::Small),
        _ => Err(format!("--only takes start, load, added, small, not `{name}`").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<Options>, String> {
        Options::parse(lexopt::Parser::from_args(arguments)).map_err(|error| error.to_string())
    }

    #[test]
    fn a_contender_gets_the_variables_behind_it() {
        let here = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let other = format!("other={here}");
        let arguments = [
            "--bare",
            here,
            "--extension",
            &other,
            "--env",
            "A=b=c",
            "--only",
            "start,load",
        ];
        let options = parse(&arguments).unwrap().unwrap();
        assert_eq!(options.contenders[0].variables, []);
        assert_eq!(options.contenders[1].variables, [("A".to_owned(), "b=c".to_owned())]);
        assert_eq!(options.only, [Measure::Start, Measure::Load]);
        assert!(parse(&["-h"]).unwrap().is_none());
    }

    #[test]
    fn mistakes_are_named() {
        assert!(parse(&[]).unwrap_err().contains("nobody"));
        assert!(parse(&["--bare", "/nowhere"]).unwrap_err().contains("/nowhere"));
        assert!(parse(&["--extension", "x"]).unwrap_err().contains("NAME=PATH"));
        assert!(parse(&["--env", "A=b"]).unwrap_err().contains("behind"));
        assert!(parse(&["--only", "all"]).unwrap_err().contains("`all`"));
        assert!(parse(&["--loads", "0"]).unwrap_err().contains("--loads"));
    }
}
