//! Serves a local Kinesis and a local Firehose for people, until Ctrl-C, and then says what arrived.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is what it is for")]

use std::process::ExitCode;

use local_kinesis::{Counts, Fault, LocalFirehose, LocalKinesis, RecordError};

const USAGE: &str = "\
Usage: local-kinesis [--stream NAME[:SHARDS]]… [--delivery-stream NAME]… [--port PORT] [--firehose-port PORT]
                     [--refuse SHARE] [--enforce-limits]

  --stream NAME[:SHARDS]   a Kinesis stream, with one shard unless said; telemetry if there is none
  --delivery-stream NAME   a Firehose stream
  --port PORT              Kinesis' port, 4567 unless said; 0 for any
  --firehose-port PORT     Firehose's port, 4573 unless said; 0 for any
  --refuse SHARE           refuse this part of all records (0 to 1), as if there were too much
  --enforce-limits         let a Kinesis shard take no more than 1 MiB and 1,000 records a second";

/// Options of the command line.
struct Options {
    streams: Vec<(String, u32)>,
    delivery_streams: Vec<String>,
    port: u16,
    firehose_port: u16,
    refuse: f64,
    enforce_limits: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("local-kinesis: {problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match serve(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("local-kinesis: {problem}");
            ExitCode::from(2)
        }
    }
}

async fn serve(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let mut kinesis = LocalKinesis::builder()
        .port(options.port)
        .enforce_limits(options.enforce_limits);
    for (name, shards) in &options.streams {
        kinesis = kinesis.stream(name, *shards);
    }
    let mut firehose = LocalFirehose::builder().port(options.firehose_port);
    for name in &options.delivery_streams {
        firehose = firehose.stream(name);
    }
    let (kinesis, firehose) = (kinesis.start().await?, firehose.start().await?);
    if options.refuse > 0.0 {
        kinesis.set_fault(Fault::refuse_share(options.refuse, RecordError::Throttled));
        firehose.set_fault(Fault::refuse_share(options.refuse, RecordError::Throttled));
    }
    println!("kinesis  {}", kinesis.endpoint());
    println!("firehose {}", firehose.endpoint());
    tokio::signal::ctrl_c().await?;
    for (name, _) in &options.streams {
        say("kinesis", name, &kinesis.counts(name));
    }
    for name in &options.delivery_streams {
        say("firehose", name, &firehose.counts(name));
    }
    Ok(())
}

fn say(service: &str, stream: &str, counts: &Counts) {
    println!(
        "{service} {stream}: {} calls ({} failed), {} records stored ({} refused), {} bytes, billed as {} KB",
        counts.calls,
        counts.calls_failed,
        counts.stored.records,
        counts.records_refused,
        counts.stored.data_bytes,
        counts.stored.billed_kb,
    );
}

/// None: the usage is asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>, String> {
    let mut options = Options {
        streams: Vec::new(),
        delivery_streams: Vec::new(),
        port: 4567,
        firehose_port: 4573,
        refuse: 0.0,
        enforce_limits: false,
    };
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--help" | "-h" => return Ok(None),
            "--enforce-limits" => options.enforce_limits = true,
            "--stream" => options.streams.push(stream(&value(&name, &mut arguments)?)?),
            "--delivery-stream" => options.delivery_streams.push(value(&name, &mut arguments)?),
            "--port" => options.port = number(&name, &value(&name, &mut arguments)?)?,
            "--firehose-port" => options.firehose_port = number(&name, &value(&name, &mut arguments)?)?,
            "--refuse" => options.refuse = number(&name, &value(&name, &mut arguments)?)?,
            _ => return Err(format!("{name} is not an option")),
        }
    }
    if options.streams.is_empty() {
        options.streams.push(("telemetry".to_owned(), 1));
    }
    Ok(Some(options))
}

fn value(name: &str, arguments: &mut impl Iterator<Item = String>) -> Result<String, String> {
    arguments.next().ok_or_else(|| format!("{name} needs a value"))
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} cannot be {value}"))
}

fn stream(value: &str) -> Result<(String, u32), String> {
    match value.split_once(':') {
        Some((name, shards)) => Ok((name.to_owned(), number("--stream", shards)?)),
        None => Ok((value.to_owned(), 1)),
    }
}
