//! Text of `--help`.

/// Text of `--help`.
pub(crate) const HELP: &str = "\
Shows the telemetry in a Kinesis stream as it arrives: all shards, every format, each event once.

Usage: consumer STREAM [options]        STREAM: a name or an ARN
       consumer FILE… [options]         what Firehose wrote: files or folders, compressed or not; - is standard input.
                                        A path has a / in it, or ends in .jsonl, .ndjson, .json, .gz or .zst
       consumer mcp STREAM [options]    for an assistant, by the Model Context Protocol on standard input and output: read-only,
                                        from an hour ago on. Files, too

Where it begins and ends
  --from PLACE         latest (default), trim-horizon, how long ago (10m, 2h), or a time (2026-11-20T09:14:00Z).
                       Of files trim-horizon: they have each process from its first line on, so that a beginning that is
                       not there is lost
  --checkpoint FILE    go on where the last reader with this FILE stopped, and keep it up to date
  --fan-out NAME       by enhanced fan-out, through the registered consumer NAME, which takes no throughput from other
                       readers. It is registered where it is not there; AWS bills it by shard, hour and GB until it is removed
  --fan-out-temporary  remove it at the end, if it was not there before
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
  --invocations        a table of invocations: verdict, cold start, times, memory, lines, errors and the first of them, from
                       the rows that the forwarder makes where a rule names forwarder.invocation, or with
                       FORWARDER_INVOCATIONS=on; with --json those rows as they came
  --quiet, -q          no events
  --verify             at the end: what is missing, announced as dropped, or repeated; exit code 1 if something is missing
  --web [ADDR]         on a page in your browser, at http://127.0.0.1:8400 unless ADDR says where: filters, invocations, charts,
                       proof. Where ADDR is not of this machine alone, the page's address has a token
  --otlp URL           to an OpenTelemetry endpoint, OTLP over HTTP: lines as logs, rows of invocations as metrics and spans;
                       with --checkpoint each line once or more. OTEL_EXPORTER_OTLP_HEADERS has the headers
  --color WHEN         auto (default: on a terminal, unless NO_COLOR is set), always, never

How it gets there; without them the environment and the profile say, as for any AWS tool
  --region NAME  --profile NAME  --endpoint URL

Events go to standard output; progress, notes and the closing table to standard error. Ctrl-C ends it.
The role needs kinesis:ListShards, kinesis:GetShardIterator and kinesis:GetRecords (and kms:Decrypt for a key of your own).
With --fan-out it needs kinesis:DescribeStreamSummary, kinesis:DescribeStreamConsumer, kinesis:RegisterStreamConsumer and
kinesis:SubscribeToShard, and for a temporary one kinesis:DeregisterStreamConsumer.

Exit codes: 0 good, 1 something is missing (--verify), 2 it could not begin or go on.
";
