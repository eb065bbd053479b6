import { Size, Stack } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { describe, expect, test } from 'vitest';
import schema from '../schema/telemetry-forwarder.schema.json';
import * as api from '../src';
import { ForwarderOptionsError } from '../src/problems';
import { Artifacts, Compression, ForwarderLayers, ForwarderSink, RecordFormat, TelemetryForwarder } from '../src';
import type { ForwarderOptions } from '../src';
import { FIXTURES, makeApp, makeFunction } from '../../test/apps';

const kinesisSink = ForwarderSink.kinesis({ streamName: 'telemetry' });
const layers = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES));

/** Answer of `attach` to these options. */
function refusal(options: unknown, fn?: (stack: Stack) => lambda.Function, from = layers): string[] {
  const stack = new Stack(makeApp(), 'shop');
  const forwarder = new TelemetryForwarder(stack, 'Forwarder', { layers: from });
  try {
    forwarder.attach(fn?.(stack) ?? makeFunction(stack, 'Checkout'), options as ForwarderOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ForwarderOptionsError);
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('refused with the construct’s path, the option and the fix', () => {
  const sinks = { kinesis: kinesisSink };
  const stdout = ForwarderSink.stdout();

  test.each<[string, unknown, string]>([
    [
      'an unknown route target',
      { sinks, routes: 'function -> kinesys' },
      'shop/Checkout: routes: rule 1 `function -> kinesys`: unknown sink `kinesys`; did you mean `kinesis`? (configured: kinesis, drop); see docs/ROUTING.md; as in `* -> kinesis`',
    ],
    [
      'stream name and ARN at once',
      {
        sinks: {
          kinesis: ForwarderSink.kinesis({ streamName: 'a', streamArn: 'arn:aws:kinesis:eu-west-1:1:stream/a' }),
        },
      },
      'shop/Checkout: sinks.kinesis.streamName: `streamName` and `streamArn` are given at once; keep one of stream, streamName, streamArn',
    ],
    [
      'a sink that leads nowhere',
      { sinks: { kinesis: ForwarderSink.kinesis({}) } },
      'shop/Checkout: sinks.kinesis.stream: nothing says where to; give one of stream, streamName, streamArn',
    ],
    [
      'a delivery stream given twice',
      { sinks: { firehose: ForwarderSink.firehose({ deliveryStreamName: 'a', deliveryStreamArn: 'b' }) } },
      'shop/Checkout: sinks.firehose.deliveryStreamName: `deliveryStreamName` and `deliveryStreamArn` are given at once; keep one of deliveryStream, deliveryStreamName, deliveryStreamArn',
    ],
    [
      'a name where an ARN belongs',
      { sinks: { kinesis: ForwarderSink.kinesis({ streamArn: 'telemetry' }) } },
      'shop/Checkout: sinks.kinesis.streamArn: `telemetry` is no ARN; give a name as `streamName`',
    ],
    [
      'an ARN where a name belongs',
      {
        sinks: {
          firehose: ForwarderSink.firehose({ deliveryStreamName: 'arn:aws:firehose:eu-west-1:1:deliverystream/a' }),
        },
      },
      'shop/Checkout: sinks.firehose.deliveryStreamName: `arn:aws:firehose:eu-west-1:1:deliverystream/a` is an ARN; give it as `deliveryStreamArn`',
    ],
    [
      'standard output where the log group is denied',
      { sinks: { kinesis: kinesisSink, stdout }, routes: '* -> kinesis, stdout', cloudWatchLogs: false },
      'shop/Checkout: sinks.stdout: standard output goes to CloudWatch Logs, which `cloudWatchLogs: false` denies; leave this sink out, or allow the logs',
    ],
    [
      'no sink at all',
      {},
      'shop/Checkout: sinks: there is no sink; give `ForwarderSink.kinesis({ stream })`, here or to the forwarder itself',
    ],
    [
      'several sinks without routes',
      { sinks: { kinesis: kinesisSink, stdout } },
      'shop/Checkout: routes: with several sinks (kinesis, stdout) there must be routes; say which events go where, as in `* -> kinesis`',
    ],
    [
      'a sink with an impossible name',
      { sinks: { 'My-Sink': kinesisSink } },
      'shop/Checkout: sinks.My-Sink: `My-Sink` cannot be the name of a sink; use lower-case letters, digits and single `_` between them, a letter first',
    ],
    [
      'a sink with the name that drops',
      { sinks: { drop: kinesisSink } },
      'shop/Checkout: sinks.drop: routes drop events by this name; name the sink otherwise',
    ],
    [
      'a value that is none',
      { sinks, envelope: 'leen' },
      'shop/Checkout: envelope: "leen" is not allowed; did you mean `lean`?; write one of full, lean, raw',
    ],
    [
      'a value of a sink that is none',
      { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'a', partitionKey: 'rnadom' as never }) } },
      'shop/Checkout: sinks.kinesis.partitionKey: "rnadom" is not allowed; did you mean `random`?; write one of random, instance',
    ],
    [
      'an option that is none',
      { sinks, metric: 'emf' },
      'shop/Checkout: metric: there is no such option; did you mean `metrics`?; there are attributes, buffer, configRefresh, envelope, flush, invocations, log, metrics, onError, redact, routes, sinks, spool, telemetry, attributesFromTags, cloudWatchLogs, configKey, configParameter',
    ],
    [
      'an option of a group that is none',
      { sinks, flush: { max_age: '5s' } },
      'shop/Checkout: flush.max_age: there is no such option; did you mean `maxAge`?; there are budget, idle, maxAge, strategy',
    ],
    [
      'a type that is none',
      { sinks, telemetry: { types: ['functions'] } },
      'shop/Checkout: telemetry.types: unknown type `functions`; did you mean `function`?; write some of platform, function, extension',
    ],
    [
      'the port of the Runtime API',
      { sinks, telemetry: { port: 9001 } },
      "shop/Checkout: telemetry.port: 9001 is the Runtime API's own; choose another, such as 4243",
    ],
    [
      'a port that is none',
      { sinks, telemetry: { port: 70_000 } },
      'shop/Checkout: telemetry.port: 70000 is no port; write one from 1 to 65535',
    ],
    [
      'an unknown fallback',
      {
        sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'a', fallback: 'stdot' }), stdout },
        routes: '* -> kinesis',
      },
      'shop/Checkout: sinks.kinesis.fallback: unknown sink `stdot`; did you mean `stdout`?; write one of kinesis, stdout',
    ],
    [
      'a fallback to itself',
      { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'a', fallback: 'kinesis' }) } },
      'shop/Checkout: sinks.kinesis.fallback: this leads back to where it began: kinesis -> kinesis; break the circle',
    ],
    [
      'compressed aggregates',
      {
        sinks: {
          kinesis: ForwarderSink.kinesis({ streamName: 'a', format: RecordFormat.KPL, compression: Compression.GZIP }),
        },
      },
      'shop/Checkout: sinks.kinesis.compression: a KPL aggregate cannot be compressed: its readers would not know it; leave it out, or use `RecordFormat.NDJSON`',
    ],
    [
      'aggregates for Firehose',
      { sinks: { firehose: ForwarderSink.firehose({ deliveryStreamName: 'a', format: RecordFormat.KPL }) } },
      'shop/Checkout: sinks.firehose.format: Firehose takes KPL aggregates apart only where it reads a Kinesis stream; use `RecordFormat.NDJSON`',
    ],
    [
      'records larger than a call',
      { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'a', recordBytes: Size.mebibytes(2) }) } },
      'shop/Checkout: sinks.kinesis.recordBytes: a record of 2097152 bytes does not fit into a call; make `putBytes` larger or this smaller',
    ],
    [
      'an external id without a role',
      { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'a', externalId: 'x' }) } },
      'shop/Checkout: sinks.kinesis.externalId: an external id goes with `assumeRole`, which is not set; give the role, or leave it out',
    ],
    [
      'standard output fed with itself',
      { sinks: { stdout }, telemetry: { types: ['extension'] } },
      'shop/Checkout: telemetry.types: standard output is an extension log: fed with extension logs it would feed itself; leave `EXTENSION` out, or route it elsewhere',
    ],
    [
      'an attribute that would be two',
      { sinks, attributes: { team: 'a,b=c' } },
      'shop/Checkout: attributes.team: "a,b=c" is no value; write up to 256 bytes, without a comma',
    ],
    [
      'a key of an attribute that is none',
      { sinks, attributes: { 'my team': 'a' } },
      'shop/Checkout: attributes.my team: this is no key; write up to 64 letters, digits and `_.-`',
    ],
    [
      'more variables than Lambda takes',
      { sinks, routes: Array.from({ length: 200 }, (_, index) => `function record.x=${index} -> kinesis`).join('; ') },
      'shop/Checkout: variables: the variables take 6745 bytes, and Lambda allows 4096 for all of a function; put options into a `telemetry-forwarder.toml` in the function’s package, see docs/CONTRACT.md',
    ],
  ])('%s', (_, options, expected) => {
    expect(refusal(options)).toEqual([expected]);
  });

  test('an architecture without a built layer', () => {
    const only = ForwarderLayers.fromArtifacts(Artifacts.fromBucket('artifacts', '', [lambda.Architecture.X86_64]));
    const onArm = (stack: Stack): lambda.Function =>
      makeFunction(stack, 'Checkout', { architecture: lambda.Architecture.ARM_64 });
    expect(refusal({ sinks }, onArm, only)).toEqual([
      'shop/Checkout: architecture: there is no layer for arm64 (there is one for x86_64); run `make layer`, which puts `telemetry-forwarder-<architecture>.zip` into the bucket',
    ]);
    const none = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory('/nowhere'));
    expect(refusal({ sinks }, onArm, none)[0]).toContain('(there is none at all); run `make layer`');
  });

  test('a sixth layer', () => {
    const crowded = (stack: Stack): lambda.Function =>
      makeFunction(stack, 'Checkout', {
        layers: ['1', '2', '3', '4', '5'].map((id) =>
          lambda.LayerVersion.fromLayerVersionArn(stack, id, `arn:aws:lambda:eu-west-1:1:layer:x:${id}`),
        ),
      });
    expect(refusal({ sinks }, crowded)).toEqual([
      'shop/Checkout: layers: the function has 5 layers, and Lambda allows 5; merge some',
    ]);
  });

  test('a function twice', () => {
    const stack = new Stack(makeApp(), 'shop');
    const forwarder = new TelemetryForwarder(stack, 'Forwarder', { layers, defaults: { sinks } });
    const fn = makeFunction(stack, 'Checkout');
    forwarder.attach(fn);
    const another = new TelemetryForwarder(stack, 'Another', { layers, defaults: { sinks } });
    expect(() => {
      another.attach(fn);
    }).toThrow('shop/Checkout: attach: the function has a forwarder already; attach it once');
  });

  test('a reader of the stream that it would write to', () => {
    const app = makeApp();
    const stack = new Stack(app, 'shop');
    const stream = new kinesis.Stream(stack, 'Stream');
    const forwarder = new TelemetryForwarder(stack, 'Forwarder', { layers });
    const reader = makeFunction(stack, 'Reader');
    forwarder.attach(reader, { sinks: { kinesis: ForwarderSink.kinesis({ stream }) } });
    reader.addEventSource(new KinesisEventSource(stream, { startingPosition: lambda.StartingPosition.LATEST }));
    expect(() => app.synth()).toThrow(/shop\/Reader: sinks: the function reads this stream/);
  });

  test('all mistakes at once', () => {
    expect(refusal({ sinks, envelope: 'x', log: 'loud', routes: 'functoin -> kinesis' })).toHaveLength(3);
  });
});

describe('the options', () => {
  interface Setting {
    enum?: string[];
    properties?: Record<string, Setting>;
    patternProperties?: Record<string, Setting>;
  }

  test.each([
    ['Envelope', ['envelope']],
    ['ForwarderLogLevel', ['log']],
    ['ForwarderMetrics', ['metrics']],
    ['Invocations', ['invocations']],
    ['OnError', ['on_error']],
    ['FlushStrategy', ['flush', 'strategy']],
    ['SpoolMode', ['spool', 'mode']],
    ['RecordFormat', ['sinks', '*', 'format']],
    ['Compression', ['sinks', '*', 'compression']],
    ['PartitionKey', ['sinks', '*', 'partition_key']],
    ['Protocol', ['sinks', '*', 'protocol']],
    ['Oversize', ['sinks', '*', 'oversize']],
  ] as const)('have each value of the schema: %s', (name, path) => {
    const found = path.reduce<Setting | undefined>(
      (setting, key) => (key === '*' ? Object.values(setting?.patternProperties ?? {})[0] : setting?.properties?.[key]),
      schema as Setting,
    );
    // `warning` is another name of `warn`.
    const values = found?.enum?.filter((value) => value !== 'warning');
    expect(new Set<string>(Object.values(api[name]))).toEqual(new Set(values));
  });
});

test('aggregates into a stream that is made here and spreads records itself', () => {
  const stack = new Stack(makeApp(), 'shop');
  const forwarder = new TelemetryForwarder(stack, 'Forwarder', { layers });
  const stream = new kinesis.Stream(stack, 'Stream');
  const attach = (name: string, format: RecordFormat): void => {
    const sinks = { kinesis: ForwarderSink.kinesis({ stream, format }) };
    forwarder.attach(makeFunction(stack, name), { sinks });
  };
  attach('ByKey', RecordFormat.KPL);
  (stream.node.defaultChild as kinesis.CfnStream).recordDistributionStrategy = 'AUTO';
  attach('Lines', RecordFormat.NDJSON);
  expect(() => {
    attach('Aggregates', RecordFormat.KPL);
  }).toThrow(
    'shop/Aggregates: sinks.kinesis.format: the stream distributes records by AUTO, and KCL readers lose lines of KPL aggregates there; use `ndjson`, or leave the stream at USER_PARTITION_KEY',
  );
});
