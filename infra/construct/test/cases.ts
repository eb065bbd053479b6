/** Tables that the forwarder takes and refuses: for tests here, and for those that ask it. */

import { Duration, Size } from 'aws-cdk-lib';
import {
  Compression,
  Envelope,
  FlushStrategy,
  ForwarderLogLevel,
  ForwarderMetrics,
  ForwarderSink,
  Invocations,
  OnError,
  Oversize,
  PartitionKey,
  Protocol,
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
      protocol: Protocol.JSON,
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
  attributes: { team: 'checkout', 'service.name': 'shop' },
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
  invocations: Invocations.ON,
  metrics: ForwarderMetrics.EMF,
  configRefresh: '10m',
  onError: OnError.FAIL,
};
