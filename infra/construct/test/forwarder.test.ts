import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { Stack } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { Artifacts, Envelope, ForwarderLayers, ForwarderLogLevel, ForwarderSink, TelemetryForwarder } from '../src';
import type { ForwarderOptions } from '../src';
import { FIXTURES, makeApp, makeFunction } from '../../test/apps';
import { settingsOf, sinkSchema } from '../src/schema';
import { EVERY_OPTION } from './cases';

const ARN = 'arn:aws:kinesis:eu-west-1:999999999999:stream/central';

/** Somebody's stack, with a function and a forwarder. */
class World {
  public readonly app = makeApp();
  public readonly stack: Stack;
  public readonly forwarder: TelemetryForwarder;
  public readonly fn: lambda.Function;

  constructor(defaults?: ForwarderOptions, fn: Partial<lambda.FunctionProps> = {}) {
    this.stack = new Stack(this.app, 'shop');
    const layers = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES));
    this.forwarder = new TelemetryForwarder(this.stack, 'Forwarder', { layers, ...(defaults && { defaults }) });
    this.fn = makeFunction(this.stack, 'Checkout', fn);
  }

  public get variables(): Record<string, unknown> {
    const functions = Object.values(this.template.findResources('AWS::Lambda::Function')) as Found[];
    return functions[0]?.Properties.Environment?.Variables ?? {};
  }

  public get template(): Template {
    return (this.synthesized ??= Template.fromStack(this.stack));
  }

  private synthesized?: Template;

  /** Everything that the function may do by what was granted here. */
  public get statements(): Record<string, unknown>[] {
    const policies = Object.values(this.template.findResources('AWS::IAM::Policy')) as FoundPolicy[];
    return policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
  }
}

interface Found {
  Properties: { Environment?: { Variables?: Record<string, unknown> } };
}

interface FoundPolicy {
  Properties: { PolicyDocument: { Statement: Record<string, unknown>[] } };
}

describe('attach', () => {
  test('adds the layer of the function’s architecture, and no other', () => {
    for (const architecture of [lambda.Architecture.X86_64, lambda.Architecture.ARM_64]) {
      const world = new World(undefined, { architecture });
      world.forwarder.attach(world.fn, { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
      world.template.resourceCountIs('AWS::Lambda::LayerVersion', 1);
      world.template.hasResource('AWS::Lambda::LayerVersion', {
        Properties: { CompatibleArchitectures: [architecture.name] },
        DeletionPolicy: 'Retain',
      });
      world.template.hasResourceProperties('AWS::Lambda::Function', {
        Layers: [{ Ref: Match.stringLikeRegexp(`^ForwarderLayer${architecture.name.replace(/\W|_/g, '')}`) }],
      });
    }
  });

  test('makes one layer for many functions of a stack', () => {
    const world = new World({ sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
    world.forwarder.attach(world.fn);
    world.forwarder.attach(makeFunction(world.stack, 'Search'));
    world.template.resourceCountIs('AWS::Lambda::LayerVersion', 1);
  });

  test('makes a layer of its own for another stack, so that upgrades are not locked by exports', () => {
    const world = new World({ sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
    const other = new Stack(world.app, 'other');
    world.forwarder.attach(makeFunction(other, 'Search'));
    world.forwarder.attach(makeFunction(other, 'Browse'));
    Template.fromStack(other).resourceCountIs('AWS::Lambda::LayerVersion', 1);
    expect(world.template.toJSON()).not.toHaveProperty('Outputs');
  });

  test('turns every option into its variable', () => {
    const world = new World();
    world.forwarder.attach(world.fn, EVERY_OPTION);
    expect(world.variables).toEqual({
      FORWARDER_SINKS__KINESIS__STREAM: 'telemetry',
      FORWARDER_SINKS__KINESIS__FORMAT: 'ndjson',
      FORWARDER_SINKS__KINESIS__COMPRESSION: 'zstd',
      FORWARDER_SINKS__KINESIS__RECORD_BYTES: '131072',
      FORWARDER_SINKS__KINESIS__PUT_BYTES: '2097152',
      FORWARDER_SINKS__KINESIS__MAX_RECORD_BYTES: '1048576',
      FORWARDER_SINKS__KINESIS__PARTITION_KEY: 'instance',
      FORWARDER_SINKS__KINESIS__PROTOCOL: 'json',
      FORWARDER_SINKS__KINESIS__ENVELOPE: 'lean',
      FORWARDER_SINKS__KINESIS__OVERSIZE: 'truncate',
      FORWARDER_SINKS__KINESIS__REGION: 'eu-west-1',
      FORWARDER_SINKS__KINESIS__ENDPOINT: 'https://vpce-1.kinesis.eu-west-1.vpce.amazonaws.com',
      FORWARDER_SINKS__KINESIS__ASSUME_ROLE: 'arn:aws:iam::999999999999:role/writer',
      FORWARDER_SINKS__KINESIS__EXTERNAL_ID: 'shop',
      FORWARDER_SINKS__KINESIS__FALLBACK: 'console_log',
      FORWARDER_SINKS__CONSOLE_LOG__TYPE: 'stdout',
      FORWARDER_SINKS__CONSOLE_LOG__ENVELOPE: 'raw',
      FORWARDER_ROUTES: 'function level>=error -> kinesis, console_log; * -> kinesis',
      FORWARDER_ENVELOPE: 'full',
      FORWARDER_ATTRIBUTES: 'team=checkout,service.name=shop',
      FORWARDER_REDACT: 'email,/customer-\\d+/',
      FORWARDER_FLUSH__STRATEGY: 'continuous',
      FORWARDER_FLUSH__MAX_AGE: '20000ms',
      FORWARDER_FLUSH__IDLE: '2000ms',
      FORWARDER_FLUSH__BUDGET: '250ms',
      FORWARDER_BUFFER__MAX_BYTES: '8388608',
      FORWARDER_SPOOL__MODE: 'always',
      FORWARDER_SPOOL__MAX_BYTES: '134217728',
      FORWARDER_SPOOL__DIR: '/tmp/events',
      FORWARDER_TELEMETRY__TYPES: 'function,platform',
      FORWARDER_TELEMETRY__PORT: '4244',
      FORWARDER_TELEMETRY__MAX_ITEMS: '2000',
      FORWARDER_TELEMETRY__MAX_BYTES: '1048576',
      FORWARDER_TELEMETRY__TIMEOUT: '100ms',
      FORWARDER_INVOCATIONS: 'on',
      FORWARDER_LOG: 'info',
      FORWARDER_METRICS: 'emf',
      FORWARDER_CONFIG_REFRESH: '10m',
      FORWARDER_ON_ERROR: 'fail',
    });
  });

  test('has an option for every setting of the schema', () => {
    const world = new World();
    world.forwarder.attach(world.fn, EVERY_OPTION);
    const sinks = sinkSchema().settings.map((setting) => `FORWARDER_SINKS__KINESIS__${setting.toUpperCase()}`);
    const others = (settingsOf() ?? [])
      .filter((group) => group !== 'sinks')
      .flatMap((group) => settingsOf(group)?.map((setting) => `${group}__${setting}`) ?? group)
      .map((path) => `FORWARDER_${path.toUpperCase()}`);
    const given = Object.keys(world.variables);
    // The type of a sink is its name, unless it says otherwise: `console_log` does.
    const expected = [...sinks.filter((name) => !name.endsWith('__TYPE')), ...others];
    expect(expected.filter((name) => !given.includes(name))).toEqual([]);
  });

  test('leaves defaults to the forwarder, metrics that cost by the function among them', () => {
    const world = new World();
    world.forwarder.attach(world.fn, { sinks: { stdout: ForwarderSink.stdout() } });
    expect(world.variables).toEqual({ FORWARDER_SINKS__STDOUT__TYPE: 'stdout' });
  });

  test('takes the forwarder’s defaults, and options of the function before them', () => {
    const world = new World({
      sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) },
      envelope: Envelope.LEAN,
      log: ForwarderLogLevel.ERROR,
    });
    world.forwarder.attach(world.fn, { log: ForwarderLogLevel.DEBUG });
    expect(world.variables).toMatchObject({
      FORWARDER_SINKS__KINESIS__STREAM: 'telemetry',
      FORWARDER_ENVELOPE: 'lean',
      FORWARDER_LOG: 'debug',
    });
  });
});

describe('a sink grants', () => {
  const allow = (Action: string, Resource: unknown): object => ({ Action, Effect: 'Allow', Resource });
  const arn = (service: string, resource: string): object => ({
    'Fn::Join': [
      '',
      [
        `arn:`,
        { Ref: 'AWS::Partition' },
        `:${service}:`,
        { Ref: 'AWS::Region' },
        ':',
        { Ref: 'AWS::AccountId' },
        `:${resource}`,
      ],
    ],
  });

  test('PutRecords on a new stream and GenerateDataKey on its key, and nothing else', () => {
    const world = new World();
    const stream = new kinesis.Stream(world.stack, 'Stream', { encryption: kinesis.StreamEncryption.KMS });
    world.forwarder.attach(world.fn, { sinks: { kinesis: ForwarderSink.kinesis({ stream }) } });
    expect(world.statements).toEqual([
      allow('kinesis:PutRecords', { 'Fn::GetAtt': [expect.stringMatching(/^Stream/), 'Arn'] }),
      allow('kms:GenerateDataKey', { 'Fn::GetAtt': [expect.stringMatching(/^StreamKey/), 'Arn'] }),
    ]);
    expect(world.variables).toMatchObject({
      FORWARDER_SINKS__KINESIS__STREAM: { Ref: expect.stringMatching(/^Stream/) as string },
    });
  });

  test('PutRecords on a stream by its name', () => {
    const world = new World();
    world.forwarder.attach(world.fn, { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
    expect(world.statements).toEqual([allow('kinesis:PutRecords', arn('kinesis', 'stream/telemetry'))]);
  });

  test('PutRecords on a stream of another account, by its ARN', () => {
    for (const sink of [
      (): ForwarderSink => ForwarderSink.kinesis({ streamArn: ARN }),
      ({ stack }: World): ForwarderSink =>
        ForwarderSink.kinesis({ stream: kinesis.Stream.fromStreamArn(stack, 'Central', ARN) }),
    ]) {
      const world = new World();
      world.forwarder.attach(world.fn, { sinks: { kinesis: sink(world) } });
      expect(world.statements).toEqual([allow('kinesis:PutRecords', ARN)]);
      expect(world.variables).toMatchObject({ FORWARDER_SINKS__KINESIS__STREAM: ARN });
    }
  });

  test('GenerateDataKey on the key of a stream that is there', () => {
    const world = new World();
    const keyArn = 'arn:aws:kms:eu-west-1:999999999999:key/1';
    const encryptionKey = kms.Key.fromKeyArn(world.stack, 'Key', keyArn);
    world.forwarder.attach(world.fn, { sinks: { kinesis: ForwarderSink.kinesis({ streamArn: ARN, encryptionKey }) } });
    expect(world.statements).toEqual([allow('kinesis:PutRecords', ARN), allow('kms:GenerateDataKey', keyArn)]);
  });

  test('PutRecordBatch on a delivery stream', () => {
    const world = new World();
    const deliveryStreamArn = 'arn:aws:firehose:eu-west-1:999999999999:deliverystream/archive';
    const deliveryStream = firehose.DeliveryStream.fromDeliveryStreamArn(world.stack, 'There', deliveryStreamArn);
    world.forwarder.attach(world.fn, {
      sinks: {
        firehose: ForwarderSink.firehose({ deliveryStreamName: 'metrics' }),
        archive: ForwarderSink.firehose({ deliveryStream }),
        other: ForwarderSink.firehose({ deliveryStreamArn: `${deliveryStreamArn}-2` }),
      },
      routes: '* -> firehose, archive, other',
    });
    expect(world.statements).toEqual([
      {
        Action: 'firehose:PutRecordBatch',
        Effect: 'Allow',
        Resource: expect.arrayContaining([
          arn('firehose', 'deliverystream/metrics'),
          deliveryStreamArn,
          `${deliveryStreamArn}-2`,
        ]) as unknown,
      },
    ]);
    expect(world.variables).toMatchObject({
      FORWARDER_SINKS__FIREHOSE__STREAM: 'metrics',
      FORWARDER_SINKS__ARCHIVE__TYPE: 'firehose',
      FORWARDER_SINKS__ARCHIVE__STREAM: 'archive',
    });
  });

  test('AssumeRole alone, where puts are made under another role', () => {
    const world = new World();
    const assumeRole = 'arn:aws:iam::999999999999:role/writer';
    world.forwarder.attach(world.fn, { sinks: { kinesis: ForwarderSink.kinesis({ streamArn: ARN, assumeRole }) } });
    expect(world.statements).toEqual([allow('sts:AssumeRole', assumeRole)]);
  });

  test('nothing for standard output', () => {
    const world = new World();
    world.forwarder.attach(world.fn, { sinks: { stdout: ForwarderSink.stdout() } });
    expect(world.statements).toEqual([]);
  });

  test('the same to a policy of its own', () => {
    const world = new World({ sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
    world.forwarder.grantWrite(new iam.ManagedPolicy(world.stack, 'Policy'));
    world.template.hasResourceProperties('AWS::IAM::ManagedPolicy', {
      PolicyDocument: { Statement: [allow('kinesis:PutRecords', arn('kinesis', 'stream/telemetry'))] },
    });
  });
});

describe('cloudWatchLogs: false', () => {
  const sinks = { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) };

  test('denies log writes, and warns what vanishes', () => {
    const world = new World();
    world.forwarder.attach(world.fn, { sinks, cloudWatchLogs: false });
    expect(world.statements).toContainEqual({
      Effect: 'Deny',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: '*',
    });
    for (const lost of ['own messages', 'alarms on dropped', 'Lambda Insights', 'Live Tail', 'subscriptions']) {
      Annotations.fromStack(world.stack).hasWarning('/shop/Checkout', Match.stringLikeRegexp(lost));
    }
  });

  test('is not the default', () => {
    const world = new World({ sinks });
    world.forwarder.attach(world.fn);
    expect(world.statements.filter(({ Effect }) => Effect === 'Deny')).toEqual([]);
    Annotations.fromStack(world.stack).hasNoWarning('*', Match.anyValue());
  });
});

describe('layers of a folder', () => {
  test('are those whose zips are there', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'dist-'));
    try {
      copyFileSync(
        path.join(FIXTURES, 'telemetry-forwarder-arm64.zip'),
        path.join(folder, 'telemetry-forwarder-arm64.zip'),
      );
      const { architectures } = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(folder));
      expect(architectures.map(({ name }) => name)).toEqual(['arm64']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
