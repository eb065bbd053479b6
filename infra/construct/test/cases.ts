/** What the forwarder itself takes and refuses: for tests here, and for those that ask it. */

import { Duration, Size } from 'aws-cdk-lib';
import {
  Compression,
  Envelope,
  FlushStrategy,
  ForwarderLogLevel,
  ForwarderMetrics,
  ForwarderSink,
  OnError,
  Oversize,
  PartitionKey,
  RecordFormat,
  SpoolMode,
  TelemetryType,
} from '../src';
import type { ForwarderOptions } from '../src';

/** Every option that there is, none with its default. */
export const EVERY_OPTION: ForwarderOptions = {
  sinks: {
    kinesis: ForwarderSink.kinesis({
      streamName: 'telemetry',
      format: RecordFormat.NDJSON,
      compression: Compression.ZSTD,
      recordBytes: Size.kibibytes(128),
      putBytes: Size.mebibytes(2),
      maxRecordBytes: Size.mebibytes(1),
      partitionKey: PartitionKey.INSTANCE,
      envelope: Envelope.LEAN,
      oversize: Oversize.TRUNCATE,
      region: 'eu-west-1',
      endpoint: 'https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com',
      assumeRole: 'arn:aws:iam::999999999999:role/writer',
      externalId: 'shop',
      fallback: 'console_log',
    }),
    console_log: ForwarderSink.stdout({ envelope: Envelope.RAW }),
  },
  routes: [
    { match: 'function level>=error', to: ['kinesis', 'console_log'] },
    { match: '*', to: 'kinesis' },
  ],
  envelope: Envelope.FULL,
  redact: ['email', '/customer-\\d+/'],
  flush: {
    strategy: FlushStrategy.CONTINUOUS,
    maxAge: Duration.seconds(20),
    idle: Duration.seconds(2),
    budget: Duration.millis(250),
  },
  buffer: { maxBytes: Size.mebibytes(8) },
  spool: { mode: SpoolMode.ALWAYS, maxBytes: Size.mebibytes(128), dir: '/tmp/events' },
  telemetry: {
    types: [TelemetryType.FUNCTION, TelemetryType.PLATFORM],
    port: 4244,
    maxItems: 2_000,
    maxBytes: Size.mebibytes(1),
    timeout: Duration.millis(100),
  },
  log: ForwarderLogLevel.INFO,
  metrics: ForwarderMetrics.EMF,
  onError: OnError.FAIL,
};

/** The sinks that the tables below may name. */
export const SINKS = ['kinesis', 'stdout'];

/** Route tables that are right. */
export const RIGHT = [
  'function->kinesis;;',
  '# all; "of this\nfunction -> kinesis\n  # and this -> x\n * -> drop ;',
  'function ,extension,  platform.*   level>=WARN->stdout ,kinesis',
  'platform.somethingQuiteNew -> kinesis',
  'function text~/a;b -> \\/c/ record.order."total amount"!="x;->y" -> kinesis',
  'function record.items.0.price>=-5 -> kinesis',
  'function sample=0.25% keep=slow>1m30s -> kinesis',
];

/** Route tables with one mistake, and what is said of it. */
export const WRONG: [string, string][] = [
  ['function kinesis', 'there is no `->`'],
  ['functoin -> kinesis', 'did you mean `function`?'],
  ['platform.reprot -> kinesis', 'did you mean `platform.report`?'],
  ['platform -> kinesis', 'did you mean `platform.*`?'],
  ['forwarder.report -> kinesis', 'unknown selector'],
  ['func* -> kinesis', 'with a star there are'],
  [' -> kinesis', 'a selector is missing'],
  ['function, -> kinesis', 'a selector is missing'],
  ['function -> ', 'a target is missing'],
  ['function -> kinesys', 'unknown target `kinesys`; did you mean `kinesis`? (configured: kinesis, stdout, drop)'],
  ['function -> kinesis, kinesis', 'stands twice'],
  ['function -> drop, kinesis', '`drop` stands alone'],
  ['function level>=wran -> kinesis', 'did you mean `warn`?'],
  ['function level=warn -> kinesis', 'compare with `>=` only'],
  ['function levle>=warn -> kinesis', 'did you mean `level`?'],
  ['function level -> kinesis', 'unknown predicate `level`'],
  ['function level>= -> kinesis', 'a value is missing'],
  ['function 5 -> kinesis', 'unknown predicate `5`; there are'],
  ['function sample=10 -> kinesis', '`10` is no share'],
  ['function sample=0% -> kinesis', '`0%` is no share'],
  ['function sample>10% -> kinesis', 'write `sample=10%`'],
  ['function text=x -> kinesis', 'texts are matched as in'],
  ['function text~x -> kinesis', 'texts are matched as in'],
  ['function text~"x" -> kinesis', 'texts are matched as in'],
  ['function text~/x -> kinesis', 'the `/` before `x` is never closed'],
  ['function text~/x/i -> kinesis', 'flags stand inside'],
  ['function record=5 -> kinesis', 'unknown predicate `record=5`'],
  ['function record.=5 -> kinesis', 'is no path'],
  ['function record.a..b=5 -> kinesis', 'is no path'],
  ['function record.a[0]=5 -> kinesis', 'is no path'],
  ['function record."a"b=5 -> kinesis', 'is no path'],
  ['function record.a~/x/ -> kinesis', 'members compare with'],
  ['function record.a="x -> kinesis', 'the `"` before `x` is never closed'],
  ['function record.a=x"y -> kinesis', 'has a quote inside'],
  ['function record.a="x"y -> kinesis', '`y` follows the closing'],
  ['function keep=all -> kinesis', 'unknown `keep=all`'],
  ['function keep=slow>fast -> kinesis', 'is no duration'],
  ['function keep=slow>16m -> kinesis', 'is no duration'],
  ['function keep>failed -> kinesis', 'write `keep=failed`'],
  ['function keep=failed -> drop', 'cannot go to `drop`'],
  ['', 'there is no rule'],
];
