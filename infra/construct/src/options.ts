import type { Duration, Size } from 'aws-cdk-lib';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as ssm from 'aws-cdk-lib/aws-ssm';
import type { ForwarderSink } from './sink';
import type {
  Envelope,
  RecordFormat,
  Compression,
  PartitionKey,
  Protocol,
  Oversize,
  FlushStrategy,
  SpoolMode,
  TelemetryType,
  ForwarderLogLevel,
  ForwarderMetrics,
  Invocations,
  OnError,
} from './values';

/** Options of every sink. */
export interface SinkProps {
  /**
   * Extent of the envelope of each event.
   * @default - the forwarder's `envelope`
   */
  readonly envelope?: Envelope;

  /**
   * Treatment of a line that is longer than a record may be.
   * @default Oversize.SPLIT
   */
  readonly oversize?: Oversize;

  /**
   * The name of the sink that takes what this one could not deliver.
   * @default - none
   */
  readonly fallback?: string;
}

/** Options of a service's sink. */
export interface ServiceSinkProps extends SinkProps {
  /**
   * Format of a record.
   * @default RecordFormat.NDJSON
   */
  readonly format?: RecordFormat;

  /**
   * Compression of a whole record.
   * @default Compression.NONE
   */
  readonly compression?: Compression;

  /**
   * Target size of a record, its key included.
   * @default - 25,000 bytes; 256 KiB before compression
   */
  readonly recordBytes?: Size;

  /**
   * Target size of a call.
   * @default Size.mebibytes(1)
   */
  readonly putBytes?: Size;

  /**
   * Limit of a record.
   * @default - 1 MiB for Kinesis, 1,000 KiB for Firehose
   */
  readonly maxRecordBytes?: Size;

  /**
   * The region.
   * @default - that of the function, or of the ARN
   */
  readonly region?: string;

  /**
   * The endpoint, for a VPC endpoint without private DNS.
   * @default - the service's
   */
  readonly endpoint?: string;

  /**
   * The ARN of a role that puts are made under, where it is not the function's own. The layer must be built with the
   * feature `assume-role`. The function is then granted `sts:AssumeRole` on that role, and nothing on the stream.
   * @default - the function's own role
   */
  readonly assumeRole?: string;

  /**
   * External id that the trust policy of that role requires.
   * @default - none
   */
  readonly externalId?: string;
}

/** A stream of Kinesis Data Streams. Exactly one of `stream`, `streamName` and `streamArn`. */
export interface KinesisSinkProps extends ServiceSinkProps {
  /** The stream. */
  readonly stream?: kinesis.IStream;

  /** The name of a stream in the function's account and region. */
  readonly streamName?: string;

  /** The ARN of a stream, of another account for example. */
  readonly streamArn?: string;

  /**
   * The key that the stream is encrypted with, if it is one of yours.
   * @default - that of `stream`, if it has one
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * Partition key of a record.
   * @default PartitionKey.RANDOM
   */
  readonly partitionKey?: PartitionKey;

  /**
   * Encoding of calls.
   * @default Protocol.CBOR
   */
  readonly protocol?: Protocol;
}

/** A stream of Amazon Data Firehose with direct PUT as its source. Exactly one of the three. */
export interface FirehoseSinkProps extends ServiceSinkProps {
  /** The delivery stream. */
  readonly deliveryStream?: firehose.IDeliveryStream;

  /** The name of a delivery stream in the function's account and region. */
  readonly deliveryStreamName?: string;

  /** The ARN of a delivery stream. */
  readonly deliveryStreamArn?: string;
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

/** Delivery of what has been collected. */
export interface FlushOptions {
  /**
   * Flush strategy: when an invocation's end waits for delivery.
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

/** Memory for what a sink does not take. */
export interface BufferOptions {
  /**
   * All sinks together.
   * @default - a sixteenth of the function's memory, 4 to 64 MiB
   */
  readonly maxBytes?: Size;
}

/** The disk's part. */
export interface SpoolOptions {
  /**
   * Spool: keeps on disk what cannot be delivered.
   * @default SpoolMode.OVERFLOW
   */
  readonly mode?: SpoolMode;

  /**
   * Most that it may take of the disk.
   * @default Size.mebibytes(64)
   */
  readonly maxBytes?: Size;

  /**
   * The machine.
   * @default '/tmp/telemetry-forwarder'
   */
  readonly dir?: string;
}

/** Subscription to Lambda's telemetry. */
export interface TelemetryOptions {
  /**
   * Types that are forwarded.
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
   * @default Size.mebibytes(1)
   */
  readonly maxBytes?: Size;

  /**
   * Time that Lambda buffers, 25 ms to 30 s.
   * @default Duration.millis(25)
   */
  readonly timeout?: Duration;
}

/** Options of the forwarder for a function. Each becomes an environment variable `FORWARDER_…` of the function. */
export interface ForwarderOptions {
  /**
   * Sinks, by name. A sink that is only a fallback counts among them.
   *
   * @example { kinesis: ForwarderSink.kinesis({ stream }) }
   * @default - the forwarder's own sinks
   */
  // eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style -- jsii knows no `Record`
  readonly sinks?: { readonly [name: string]: ForwarderSink };

  /**
   * Which sinks take an event: rules in order, the first that matches wins. As one text, or rule by rule.
   *
   * @example 'function level>=error -> kinesis; platform.* -> drop; * -> kinesis'
   * @default - all to the only sink; with several sinks routes are required
   */
  readonly routes?: string | ForwarderRoute[];

  /**
   * Extent of the envelope of each event.
   * @default Envelope.FULL
   */
  readonly envelope?: Envelope;

  /**
   * Members of `resource` in the envelope, beside Lambda's own. Keys have up to 64 letters, digits and `_.-`, values up to 256
   * bytes and no comma; there may be 32.
   *
   * @example { team: 'checkout' }
   * @default - none
   */
  // eslint-disable-next-line @typescript-eslint/consistent-indexed-object-style -- jsii knows no `Record`
  readonly attributes?: { readonly [key: string]: string };

  /**
   * Keys of tags of the function's stack that become attributes, with the values that they have when the app is synthesized,
   * whoever set them. An attribute of the same key wins. A stack without such a tag is an error.
   *
   * @example ['CostCenter', 'Owner']
   * @default - none
   */
  readonly attributesFromTags?: string[];

  /**
   * Redaction of log lines before anything is stored or sent: `email`, `ipv4`, `ipv6`, `phone`, `credit_card`,
   * `iban`, `aws_access_key`, `aws_secret_key`, `jwt`, `bearer`, and regular expressions between slashes.
   * @default - nothing
   */
  readonly redact?: string[];

  /**
   * Delivery of what has been collected.
   * @default - see its members
   */
  readonly flush?: FlushOptions;

  /**
   * Memory for what a sink does not take.
   * @default - see its members
   */
  readonly buffer?: BufferOptions;

  /**
   * The disk's part.
   * @default - see its members
   */
  readonly spool?: SpoolOptions;

  /**
   * Subscription to Lambda's telemetry.
   * @default - see its members
   */
  readonly telemetry?: TelemetryOptions;

  /**
   * A parameter of Systems Manager whose text is a configuration, as a file would have it: it steers functions that run already.
   * Options that are given here win over it, so leave out what it is to decide. The layer must have the feature `remote-config`, a default.
   * The function is granted `ssm:GetParameter` on this parameter.
   * @default - none
   */
  readonly configParameter?: ssm.IParameter;

  /**
   * The key of `configParameter`, if it is a `SecureString` under a key of yours. The function is granted `kms:Decrypt` on it.
   * @default - none: a `String`, or AWS's own key
   */
  readonly configKey?: kms.IKey;

  /**
   * Time between two reads of `configParameter`, or of the document that the function's variable `FORWARDER_CONFIG` names:
   * `30s` and more, or `off`.
   * @default '5m'
   */
  readonly configRefresh?: string;

  /**
   * Rows of invocations, where there are no routes: with routes a rule names `forwarder.invocation`.
   * @default Invocations.OFF
   */
  readonly invocations?: Invocations;

  /**
   * Level of the forwarder's own log on standard error.
   * @default ForwarderLogLevel.WARN
   */
  readonly log?: ForwarderLogLevel;

  /**
   * Makes CloudWatch metrics of the forwarder's counters.
   * `EMF` costs $1.80 a function and month at list price: six metrics each.
   * @default ForwarderMetrics.OFF
   */
  readonly metrics?: ForwarderMetrics;

  /**
   * Effect of a mistake in the configuration on the function.
   * @default OnError.CONTINUE
   */
  readonly onError?: OnError;

  /**
   * Allows the function to write to CloudWatch Logs. `false` denies it, which saves what CloudWatch asks for, and takes
   * away whatever lives on the log group: a warning says what. Functions that share a role need a `logGroup` or a
   * `functionName` for that, so that the others are not silenced too.
   * @default true
   */
  readonly cloudWatchLogs?: boolean;
}
