import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { stackFromContext } from '../stack/context';
import { dashboardOf, FIXTURES, makeApp } from './apps';

const TAGS = { CostCenter: '4711', Environment: 'test', Application: 'shop', Owner: 'somebody' };

function synthesize(context: Record<string, unknown>): Template {
  return Template.fromStack(stackFromContext(makeApp({ ...TAGS, dist: FIXTURES, ...context })));
}

function refusal(context: Record<string, unknown>): string[] {
  try {
    stackFromContext(makeApp({ ...TAGS, dist: FIXTURES, ...context }));
  } catch (error) {
    return (error as Error).message.split('\n');
  }
  return [];
}

describe('the context', () => {
  test('makes the stack that it asks for', () => {
    const template = synthesize({
      stackName: 'logs',
      architecture: 'arm64',
      streamMode: 'provisioned',
      shardCount: '2',
      retentionHours: 48,
      producerAccounts: '111111111111, 222222222222',
      routes: '* -> kinesis',
      flushStrategy: 'continuous',
      compression: 'zstd',
      archive: 'true',
      archiveDays: '90',
      consumer: true,
      parameterPrefix: '/logs/eu',
      memoryMb: '256',
      timeoutSeconds: '5',
      logRetentionDays: '30',
      schedule: 'rate(1 hour)',
      scheduleEnabled: 'true',
      alarmEmail: 'somebody@example.com',
      iteratorAgeMinutes: '10',
    });
    template.hasResourceProperties('AWS::Kinesis::Stream', { ShardCount: 2, RetentionPeriodHours: 48 });
    template.hasResourceProperties('AWS::Lambda::Function', {
      Architectures: ['arm64'],
      MemorySize: 256,
      Timeout: 5,
      Environment: {
        Variables: {
          FORWARDER_ROUTES: '* -> kinesis',
          FORWARDER_FLUSH__STRATEGY: 'continuous',
          FORWARDER_SINKS__KINESIS__COMPRESSION: 'zstd',
        },
      },
    });
    template.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 hour)', State: 'ENABLED' });
    template.hasResourceProperties('AWS::S3::Bucket', {
      LifecycleConfiguration: { Rules: [Match.objectLike({ ExpirationInDays: 90 })] },
    });
    template.hasResourceProperties('AWS::SSM::Parameter', { Name: '/logs/eu/stream-name' });
    template.hasResourceProperties('AWS::CloudWatch::Alarm', { Threshold: 600_000 });
    template.resourceCountIs('AWS::Lambda::EventSourceMapping', 1);
  });

  test('is described in the guide, each key and no other', () => {
    const guide = readFileSync(path.join(__dirname, '..', '..', 'docs', 'DEPLOY.md'), 'utf8');
    const table = /## Options of the stack([\s\S]*?)\n## /.exec(guide)?.[1] ?? '';
    const firstCells = table.split('\n').flatMap((line) => /^\| (`.*?) \|/.exec(line)?.[1] ?? []);
    const described = firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map(([, key]) => key));

    const app = makeApp({ ...TAGS, dist: FIXTURES, archive: true, consumer: true });
    const read = new Set<string>();
    const tryGetContext = app.node.tryGetContext.bind(app.node);
    app.node.tryGetContext = (key: string): unknown => {
      read.add(key);
      return tryGetContext(key);
    };
    stackFromContext(app);
    expect(described.sort()).toEqual([...read].filter((key) => /^\w+$/.test(key)).sort());
  });

  test('names no limit of a stream that is there: nobody has said what it takes', () => {
    const dashboard = (context: object): string =>
      dashboardOf(stackFromContext(makeApp({ ...TAGS, dist: FIXTURES, ...context })));
    expect(dashboard({})).toContain('limit of a new on-demand stream');
    expect(dashboard({ streamName: 'telemetry' })).not.toContain('limit of');
  });

  test('of cdk.json alone makes a stack, and warns of tags that are nobody’s', () => {
    const stack = stackFromContext(makeApp({ dist: FIXTURES }));
    Annotations.fromStack(stack).hasWarning('*', Match.stringLikeRegexp('CostCenter, Environment, Owner: `example`'));
    expect(
      Annotations.fromStack(stackFromContext(makeApp({ ...TAGS, dist: FIXTURES }))).findWarning('*', Match.anyValue()),
    ).toEqual([]);
  });
});

describe('refused with the stack’s name, the option and the fix', () => {
  test('missing tags', () => {
    const fix = (key: string): string => `give it in cdk.json or by \`-c ${key}=…\`: every resource is tagged with it`;
    expect(refusal({ CostCenter: '', Owner: '' })).toEqual([
      `telemetry-forwarder: CostCenter: the tag is missing; ${fix('CostCenter')}`,
      `telemetry-forwarder: Owner: the tag is missing; ${fix('Owner')}`,
    ]);
  });

  test.each([
    [
      'stream name and ARN at once',
      { streamName: 'a', streamArn: 'arn:aws:kinesis:eu-west-1:1:stream/a' },
      'telemetry-forwarder: streamName: `streamName` and `streamArn` are given at once; keep one of them, or none for a new stream',
    ],
    [
      'shards of a stream that is there',
      { streamName: 'a', streamMode: 'provisioned' },
      'telemetry-forwarder: streamMode: the stream is there already, and is not changed; leave it out, or leave `streamName` and `streamArn` out',
    ],
    [
      'a key for a new stream',
      { streamKeyArn: 'arn:aws:kms:eu-west-1:1:key/1' },
      'telemetry-forwarder: streamKeyArn: a new stream is encrypted with a new key; leave it out, or name the stream that the key belongs to',
    ],
    [
      'a name where an ARN belongs',
      { streamArn: 'telemetry' },
      'telemetry-forwarder: streamArn: `telemetry` is no ARN of kinesis; write it as in `arn:aws:kinesis:…`',
    ],
    [
      'a key’s id where its ARN belongs',
      { streamName: 'telemetry', streamKeyArn: 'alias/telemetry' },
      'telemetry-forwarder: streamKeyArn: `alias/telemetry` is no ARN of kms; write it as in `arn:aws:kms:…`',
    ],
    [
      'a prefix that parameters cannot have',
      { parameterPrefix: 'telemetry/' },
      'telemetry-forwarder: parameterPrefix: `telemetry/` is nothing that names of parameters may begin with; write it as in `/shop/telemetry`: a slash before each level and none at the end, neither `/aws…` nor `/ssm…`',
    ],
    [
      'shards on demand',
      { shardCount: '2' },
      'telemetry-forwarder: shardCount: an on-demand stream has no shard count; leave it out, or choose `streamMode=provisioned`',
    ],
    [
      'a retention that Kinesis has not',
      { retentionHours: '10000' },
      'telemetry-forwarder: retentionHours: Kinesis does not keep records for 10000 hours; choose from 24 to 8760 hours',
    ],
    [
      'a route that is none',
      { routes: '* -> firehose' },
      'telemetry-forwarder/TestFunction/Function: routes: rule 1 `* -> firehose`: unknown sink `firehose` (configured: kinesis, drop); see docs/ROUTING.md; as in `* -> kinesis`',
    ],
    [
      'an architecture that was not built',
      { dist: '/nowhere' },
      'telemetry-forwarder/TestFunction: architecture: there is no test-function-x86_64.zip in /nowhere; run `make layer`, or choose the other architecture',
    ],
    [
      'a word for another',
      { architecture: 'arm' },
      'telemetry-forwarder: architecture: `arm` is not allowed; did you mean `arm64`?; write one of x86_64, arm64',
    ],
    [
      'a number out of range',
      { memoryMb: '64' },
      'telemetry-forwarder: memoryMb: `64` is not allowed; write a whole number from 128 to 10240',
    ],
    [
      'a number that is none',
      { iteratorAgeMinutes: 'ten' },
      'telemetry-forwarder: iteratorAgeMinutes: `ten` is not allowed; write a whole number from 1',
    ],
    [
      'a flag that is none',
      { archive: 'yes' },
      'telemetry-forwarder: archive: `yes` is not allowed; write one of true, false, channel',
    ],
    [
      'an account that is none',
      { producerAccounts: '111111111111,4711' },
      'telemetry-forwarder: producerAccounts: `4711` is not an account id of 12 digits; write them with commas between them',
    ],
    [
      'a schedule that is none',
      { schedule: '5 minutes' },
      'telemetry-forwarder: schedule: `5 minutes` is no schedule; write it as in `rate(5 minutes)` or `cron(0 8 * * ? *)`',
    ],
    [
      'what is no text',
      { owner: {}, alarmEmail: ['a'] },
      'telemetry-forwarder: alarmEmail: this is no text; write one value',
    ],
  ])('%s', (_, context, expected) => {
    expect(refusal(context)).toEqual([expected]);
  });

  test('all of it at once', () => {
    expect(refusal({ architecture: 'arm', memoryMb: '1', archive: 'yes' })).toHaveLength(3);
  });
});
