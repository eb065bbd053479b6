import type { Duration, Size } from 'aws-cdk-lib';
import type { ForwarderSink } from './sink';

/** How much each event says of where it comes from. */
export enum Envelope {
  /** Identity, sequence number, request, and the function's resource attributes. */
  FULL = 'full',
  /** As `FULL`, without the resource attributes. */
  LEAN = 'lean',
  /** Lambda's own event and nothing else: a reader cannot prove that nothing is missing. */
  RAW = 'raw',
}

/** How lines stand in a record. */
export enum RecordFormat {
  /** Many lines a record, each ended by a line feed. */
  NDJSON = 'ndjson',
  /** One line a record: for event source filters, and readers that expect one event. */
  JSON = 'json',
  /** Aggregates of the Kinesis Producer Library, for readers on KCL. */
  KPL = 'kpl',
}

/** How a whole record is compressed. */
export enum Compression {
  NONE = 'none',
  GZIP = 'gzip',
  ZSTD = 'zstd',
}

/** What the partition key of a record is. */
export enum PartitionKey {
  /** A new one for each record: spreads best over shards. */
  RANDOM = 'random',
  /** One for each execution environment: all its records are in one shard. */
  INSTANCE = 'instance',
}

/** What becomes of a line that is longer than a record may be. */
export enum Oversize {
  /** It goes in parts, which a reader joins. */
  SPLIT = 'split',
  /** It is cut. */
  TRUNCATE = 'truncate',
  /** It is dropped, counted and announced. */
  DROP = 'drop',
}

/** When an invocation's end waits for delivery. */
export enum FlushStrategy {
  /** As `END` while invocations are rare, else as `CONTINUOUS`. */
  ADAPTIVE = 'adaptive',
  /** Deliver after each invocation, before the environment freezes. */
  END = 'end',
  /** Never hold the function up. */
  CONTINUOUS = 'continuous',
}

/** Whether what cannot be delivered is kept on disk. */
export enum SpoolMode {
  OFF = 'off',
  /** What memory cannot hold. */
  OVERFLOW = 'overflow',
  /** Everything, before Lambda has its answer. */
  ALWAYS = 'always',
}

/** What is forwarded. */
export enum TelemetryType {
  /** Starts, reports, timeouts, restores. */
  PLATFORM = 'platform',
  /** The function's own log lines. */
  FUNCTION = 'function',
  /** Other extensions' log lines. */
  EXTENSION = 'extension',
}

/** What the forwarder says of itself on standard error. */
export enum ForwarderLogLevel {
  ERROR = 'error',
  WARN = 'warn',
  INFO = 'info',
  DEBUG = 'debug',
  TRACE = 'trace',
  OFF = 'off',
}

/** Whether the forwarder's counters become CloudWatch metrics. */
export enum ForwarderMetrics {
  OFF = 'off',
  /** CloudWatch's embedded metric format, through the function's log group. */
  EMF = 'emf',
}

/** What a mistake in the configuration does to the function, if one gets as far as that. */
export enum OnError {
  /** It is logged, and the function runs without the forwarder. */
  CONTINUE = 'continue',
  /** The function's init fails. */
  FAIL = 'fail',
}

/** One rule of a route table. */
export interface ForwarderRoute {
  /**
   * Selectors and predicates.
   *
   * @example 'function level>=error'
   */
  readonly match: string;

  /** Names of sinks; or `drop`, alone. */
  readonly to: string | string[];
}

/** When what has been collected is delivered. */
export interface FlushOptions {
  /**
   * When an invocation's end waits for delivery.
   * @default FlushStrategy.ADAPTIVE
   */
  readonly strategy?: FlushStrategy;

  /**
   * No event waits longer while the environment runs.
   * @default Duration.seconds(10)
   */
  readonly maxAge?: Duration;

  /**
   * `ADAPTIVE` acts as `END` where invocations are rarer.
   * @default Duration.seconds(5)
   */
  readonly idle?: Duration;

  /**
   * The most that any flush holds an invocation's end.
   * @default Duration.millis(500)
   */
  readonly budget?: Duration;
}

/** What memory keeps while a sink does not take it. */
export interface BufferOptions {
  /**
   * All sinks together.
   * @default - a sixteenth of the function's memory, 4 to 64 MiB
   */
  readonly maxBytes?: Size;
}

/** What the disk keeps. */
export interface SpoolOptions {
  /**
   * Whether what cannot be delivered is kept on disk.
   * @default SpoolMode.OVERFLOW
   */
  readonly mode?: SpoolMode;

  /**
   * How much of the disk it may take.
   * @default Size.mebibytes(64)
   */
  readonly maxBytes?: Size;

  /**
   * Where.
   * @default '/tmp/telemetry-forwarder'
   */
  readonly dir?: string;
}

/** What Lambda hands over, and how. */
export interface TelemetryOptions {
  /**
   * What is forwarded.
   * @default [TelemetryType.PLATFORM, TelemetryType.FUNCTION]
   */
  readonly types?: TelemetryType[];

  /**
   * The port that Lambda posts to; another one where another extension has taken it.
   * @default 4243
   */
  readonly port?: number;

  /**
   * Events that Lambda buffers, 1,000 to 10,000.
   * @default 1000
   */
  readonly maxItems?: number;

  /**
   * Bytes that Lambda buffers, 256 KiB to 1 MiB.
   * @default Size.kibibytes(256)
   */
  readonly maxBytes?: Size;

  /**
   * How long Lambda buffers, 25 ms to 30 s.
   * @default Duration.millis(25)
   */
  readonly timeout?: Duration;
}

/** What the forwarder does for a function. Each becomes an environment variable `FORWARDER_…` of the function. */
export interface ForwarderOptions {
  /**
   * Where events go, by name. A sink that is only a fallback counts among them.
   *
   * @example { kinesis: ForwarderSink.kinesis({ stream }) }
   * @default - the forwarder's own sinks
   */
  readonly sinks?: Record<string, ForwarderSink>;

  /**
   * Which sinks take an event: rules in order, the first that matches wins. As one text, or rule by rule.
   *
   * @example 'function level>=error -> kinesis; platform.* -> drop; * -> kinesis'
   * @default - all to the only sink; with several sinks routes are required
   */
  readonly routes?: string | ForwarderRoute[];

  /**
   * How much each event says of where it comes from.
   * @default Envelope.FULL
   */
  readonly envelope?: Envelope;

  /**
   * What is masked in log lines before anything is stored or sent: `email`, `ipv4`, `ipv6`, `phone`, `credit_card`,
   * `iban`, `aws_access_key`, `aws_secret_key`, `jwt`, `bearer`, and regular expressions between slashes.
   * @default - nothing
   */
  readonly redact?: string[];

  /**
   * When what has been collected is delivered.
   * @default - see its members
   */
  readonly flush?: FlushOptions;

  /**
   * What memory keeps while a sink does not take it.
   * @default - see its members
   */
  readonly buffer?: BufferOptions;

  /**
   * What the disk keeps.
   * @default - see its members
   */
  readonly spool?: SpoolOptions;

  /**
   * What Lambda hands over, and how.
   * @default - see its members
   */
  readonly telemetry?: TelemetryOptions;

  /**
   * What the forwarder says of itself on standard error.
   * @default ForwarderLogLevel.WARN
   */
  readonly log?: ForwarderLogLevel;

  /**
   * Whether the forwarder's counters become CloudWatch metrics.
   * @default - `EMF`; `OFF` where `cloudWatchLogs` is false, since the metrics come through the log group
   */
  readonly metrics?: ForwarderMetrics;

  /**
   * What a mistake in the configuration does to the function.
   * @default OnError.CONTINUE
   */
  readonly onError?: OnError;

  /**
   * Whether the function may write to CloudWatch Logs. `false` denies it, which saves what CloudWatch asks for, and takes
   * away whatever lives on the log group: a warning says what.
   * @default true
   */
  readonly cloudWatchLogs?: boolean;
}
