/** Values that options choose from. */

/** Extent of the envelope of each event. */
export enum Envelope {
  /** Identity, sequence number, request, and the function's resource attributes. */
  FULL = 'full',
  /** As `FULL`, without the resource attributes. */
  LEAN = 'lean',
  /** Lambda's own event and nothing else: a reader cannot prove that nothing is missing. */
  RAW = 'raw',
}

/** Format of a record. */
export enum RecordFormat {
  /** Many lines a record, each ended by a line feed. */
  NDJSON = 'ndjson',
  /** One line a record: for event source filters, and readers that expect one event. */
  JSON = 'json',
  /** Aggregates of the Kinesis Producer Library, for readers on KCL. */
  KPL = 'kpl',
}

/** Compression of a whole record. */
export enum Compression {
  NONE = 'none',
  GZIP = 'gzip',
  ZSTD = 'zstd',
}

/** Partition key of a record. */
export enum PartitionKey {
  /** A new one for each record: spreads best over shards. */
  RANDOM = 'random',
  /** One for each execution environment: all its records are in one shard. */
  INSTANCE = 'instance',
}

/** Encoding of calls to Kinesis. */
export enum Protocol {
  /** Records as they are. Where that is refused, the forwarder goes on in JSON. */
  CBOR = 'cbor',
  /** Records in base64, a third longer. */
  JSON = 'json',
}

/** Treatment of a line that is longer than a record may be. */
export enum Oversize {
  /** It goes in parts, which a reader joins. */
  SPLIT = 'split',
  /** It is cut. */
  TRUNCATE = 'truncate',
  /** It is dropped, counted and announced. */
  DROP = 'drop',
}

/** Flush strategy: when an invocation's end waits for delivery. */
export enum FlushStrategy {
  /** As `END` while invocations are rare, else as `CONTINUOUS`. */
  ADAPTIVE = 'adaptive',
  /** Deliver after each invocation, before the environment freezes. */
  END = 'end',
  /** Never hold the function up. */
  CONTINUOUS = 'continuous',
}

/** Spool: keeps on disk what cannot be delivered. */
export enum SpoolMode {
  OFF = 'off',
  /** Chunks that memory cannot hold. */
  OVERFLOW = 'overflow',
  /** Everything, before Lambda has its answer. */
  ALWAYS = 'always',
}

/** Types that are forwarded. */
export enum TelemetryType {
  /** Starts, reports, timeouts, restores. */
  PLATFORM = 'platform',
  /** The function's own log lines. */
  FUNCTION = 'function',
  /** Other extensions' log lines. */
  EXTENSION = 'extension',
}

/** Level of the forwarder's own log on standard error. */
export enum ForwarderLogLevel {
  ERROR = 'error',
  WARN = 'warn',
  INFO = 'info',
  DEBUG = 'debug',
  TRACE = 'trace',
  OFF = 'off',
}

/** Makes CloudWatch metrics of the forwarder's counters. */
export enum ForwarderMetrics {
  OFF = 'off',
  /** CloudWatch's embedded metric format, through the function's log group. */
  EMF = 'emf',
}

/** Rows of invocations, where there are no routes. */
export enum Invocations {
  OFF = 'off',
  /** An event `forwarder.invocation` for each invocation. */
  ON = 'on',
}

/** Effect of a mistake in the configuration on the function, if one gets as far as that. */
export enum OnError {
  /** It is logged, and the function runs without the forwarder. */
  CONTINUE = 'continue',
  /** The function's init fails. */
  FAIL = 'fail',
}
