import { CfnResource, Duration, RemovalPolicy, TagManager } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import * as events from 'aws-cdk-lib/aws-events';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, test } from 'vitest';
import { version } from '../construct/package.json';
import type { TelemetryForwarderStack, TelemetryForwarderStackProps } from '../stack/stack';
import { COST_TAGS, dashboardOf, everyOfType, EVERYTHING, makeStack, resourcesOf } from './apps';
import type { Resource } from './apps';

const everything = makeStack(EVERYTHING);
const template = Template.fromStack(everything);
const resources = resourcesOf(everything);

/** Permissions of each role or policy: `Actions on resources`. */
function allowed(id: string): unknown[] {
  const documents = Object.entries(resources)
    .filter(([name]) => name.startsWith(id))
    .flatMap(([, { Properties }]) => [
      Properties['PolicyDocument'],
      ...((Properties['Policies'] as { PolicyDocument: unknown }[] | undefined) ?? []).map(
        (policy) => policy.PolicyDocument,
      ),
    ]);
  return documents.flatMap(
    (document) => (document as { Statement: { Action: unknown }[] } | undefined)?.Statement ?? [],
  );
}

const ofType = (type: string): [string, Resource][] => everyOfType(resources, type);

const theArn = (id: string): object => ({ 'Fn::GetAtt': [expect.stringMatching(new RegExp(`^${id}`)), 'Arn'] });
const allow = (Action: unknown, Resource: unknown): object => ({ Action, Effect: 'Allow', Resource });

describe('tags', () => {
  const expected = {
    CostCenter: COST_TAGS.costCenter,
    Environment: COST_TAGS.environment,
    Application: COST_TAGS.application,
    Owner: COST_TAGS.owner,
  };

  const taggable = everything.node
    .findAll()
    .flatMap((node) => (node instanceof CfnResource && TagManager.of(node) !== undefined ? [node] : []))
    .map((resource) => everything.getLogicalId(resource));

  test.each(taggable)('are on %s', (id) => {
    const tags = resources[id]?.Properties['Tags'];
    const asMap = Array.isArray(tags)
      ? Object.fromEntries((tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value]))
      : tags;
    expect(asMap).toEqual(expected);
  });

  test('are on all resources but those that CloudFormation cannot tag', () => {
    const untagged = Object.entries(resources).filter(([id]) => !taggable.includes(id));
    expect([...new Set(untagged.map(([, { Type }]) => Type))].sort()).toEqual([
      'AWS::IAM::ManagedPolicy',
      'AWS::IAM::Policy',
      'AWS::Kinesis::ResourcePolicy',
      'AWS::Lambda::EventInvokeConfig',
      'AWS::Lambda::LayerVersion',
      'AWS::Lambda::LayerVersionPermission',
      'AWS::Lambda::Permission',
      'AWS::Logs::LogStream',
      'AWS::S3::BucketPolicy',
      'AWS::SNS::Subscription',
      'AWS::SNS::TopicPolicy',
      'AWS::SQS::QueuePolicy',
    ]);
  });
});

describe('the stream', () => {
  test('is on demand, encrypted with the stack’s key, and keeps 24 hours', () => {
    template.hasResource('AWS::Kinesis::Stream', {
      Properties: {
        StreamModeDetails: { StreamMode: 'ON_DEMAND' },
        ShardCount: Match.absent(),
        RetentionPeriodHours: 24,
        StreamEncryption: { EncryptionType: 'KMS', KeyId: Match.anyValue() },
      },
    });
    template.hasResourceProperties('AWS::KMS::Key', { EnableKeyRotation: true });
  });

  test.each<[string, string, Partial<TelemetryForwarderStackProps>]>([
    ['goes with the stack', 'Delete', {}],
    ['stays where it has the data of other accounts', 'Retain', { stream: { producerAccounts: ['111111111111'] } }],
    ['stays where that is asked for', 'Retain', { stream: { removalPolicy: RemovalPolicy.RETAIN } }],
    [
      'goes where that is asked for',
      'Delete',
      { stream: { producerAccounts: ['111111111111'], removalPolicy: RemovalPolicy.DESTROY } },
    ],
  ])('%s, and its key with it', (_, DeletionPolicy, props) => {
    const found = Template.fromStack(makeStack(props));
    found.hasResource('AWS::Kinesis::Stream', { DeletionPolicy });
    found.hasResource('AWS::KMS::Key', { DeletionPolicy });
  });

  test('has a shard count and a retention by option', () => {
    const stack = makeStack({
      stream: { mode: kinesis.StreamMode.PROVISIONED, shardCount: 3, retention: Duration.days(7) },
    });
    Template.fromStack(stack).hasResourceProperties('AWS::Kinesis::Stream', {
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
      ShardCount: 3,
      RetentionPeriodHours: 168,
    });
    expect(dashboardOf(stack)).toContain('"value":3145728,"label":"limit of 3 shards"');
  });

  test('and its key and layers are open to the accounts that were named, for writing alone', () => {
    const principals = { AWS: [principal('111111111111'), principal('222222222222')] };
    template.hasResourceProperties('AWS::Kinesis::ResourcePolicy', {
      ResourcePolicy: { Statement: [{ Action: 'kinesis:PutRecords', Effect: 'Allow', Principal: principals }] },
    });
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({ Action: 'kms:GenerateDataKey', Principal: principals, Sid: 'Producers' }),
        ]),
      },
    });
    template.resourceCountIs('AWS::Lambda::LayerVersionPermission', 4);
    // A new version takes the place of the old one here; functions there still have the old one.
    template.allResources('AWS::Lambda::LayerVersionPermission', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
    });
    const alone = Template.fromStack(makeStack());
    alone.resourceCountIs('AWS::Kinesis::ResourcePolicy', 0);
    alone.resourceCountIs('AWS::Lambda::LayerVersionPermission', 0);
  });

  test('may be one that is there', () => {
    const keyArn = 'arn:aws:kms:eu-west-1:123456789012:key/1';
    const stack = makeStack({ stream: { existingName: 'theirs', existingKeyArn: keyArn } });
    const found = Template.fromStack(stack);
    found.resourceCountIs('AWS::Kinesis::Stream', 0);
    found.hasResourceProperties('AWS::IAM::ManagedPolicy', {
      PolicyDocument: { Statement: Match.arrayWith([allow('kms:GenerateDataKey', keyArn)]) },
    });
    found.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: { FORWARDER_SINKS__KINESIS__STREAM: 'theirs' } },
    });
  });

  function principal(account: string): object {
    return { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:iam::${account}:root`]] };
  }
});

describe('what may be done', () => {
  test('by the test function: log, write to the stream, and nothing else', () => {
    expect(allowed('TestFunctionRole')).toEqual([
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], theArn('TestFunctionLogGroup')),
      allow('kinesis:PutRecords', theArn('Stream')),
      allow('kms:GenerateDataKey', theArn('Key')),
    ]);
  });

  test('by the published policy: write to the stream', () => {
    expect(allowed('WritePolicy')).toEqual([
      allow('kinesis:PutRecords', theArn('Stream')),
      allow('kms:GenerateDataKey', theArn('Key')),
    ]);
  });

  test('by the consumer: log, read the stream, and tell what it could not handle', () => {
    const actions = allowed('ConsumerRole').flatMap((statement) => (statement as { Action: string | string[] }).Action);
    expect(
      actions.filter((action) => !/^(logs|sqs|kms:Decrypt|kinesis:(Get|List|Describe|SubscribeToShard))/.test(action)),
    ).toEqual([]);
    expect(allowed('ConsumerRole')).toContainEqual(
      allow(['sqs:GetQueueAttributes', 'sqs:GetQueueUrl', 'sqs:SendMessage'], theArn('ConsumerFailures')),
    );
  });

  test('by Firehose: read the stream, write below two prefixes, and delete nothing', () => {
    const below = (prefix: string): object => ({ 'Fn::Join': ['', [theArn('ArchiveBucket'), `/${prefix}/*`]] });
    expect(allowed('ArchiveRole')).toEqual([
      allow(
        ['kinesis:DescribeStream', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'],
        theArn('Stream'),
      ),
      allow('kms:Decrypt', theArn('Key')),
      allow(['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], theArn('ArchiveBucket')),
      allow(['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'], [below('errors'), below('telemetry')]),
      allow('logs:PutLogEvents', theArn('ArchiveLogGroup')),
    ]);
  });

  test('by nobody through a managed policy of AWS', () => {
    for (const [id, role] of ofType('AWS::IAM::Role')) {
      expect(role.Properties['ManagedPolicyArns'], id).toBeUndefined();
    }
  });
});

describe('functions', () => {
  test.each(ofType('AWS::Lambda::Function'))('%s logs JSON into a group of its own, with a retention', (_, fn) => {
    expect(fn.Properties).toMatchObject({
      Runtime: 'provided.al2023',
      Handler: 'bootstrap',
      LoggingConfig: { LogFormat: 'JSON', ApplicationLogLevel: 'INFO', SystemLogLevel: 'INFO' },
    });
    const { Ref } = (fn.Properties['LoggingConfig'] as { LogGroup: { Ref: string } }).LogGroup;
    expect(resources[Ref]?.Properties['RetentionInDays']).toBe(7);
  });

  test('have a retention for every log group there is', () => {
    expect(ofType('AWS::Logs::LogGroup').map(([, group]) => group.Properties['RetentionInDays'])).toEqual([7, 7, 30]);
  });

  test('the test function has the forwarder, with metrics', () => {
    template.hasResourceProperties('AWS::Lambda::Function', {
      MemorySize: 128,
      Timeout: 10,
      Layers: [{ Ref: Match.stringLikeRegexp('^ForwarderLayerx8664') }],
      Environment: {
        Variables: {
          FORWARDER_SINKS__KINESIS__STREAM: { Ref: Match.stringLikeRegexp('^Stream') },
          FORWARDER_METRICS: 'emf',
        },
      },
    });
  });

  test('the consumer has not: its own logs would invoke it', () => {
    const [, consumer] = ofType('AWS::Lambda::Function').find(([id]) => id.startsWith('Consumer')) ?? [];
    expect(consumer?.Properties).not.toHaveProperty('Layers');
    expect(consumer?.Properties).not.toHaveProperty('Environment');
  });

  test('take memory, timeout, retention and architecture by option', () => {
    const stack = makeStack({
      testFunction: {
        architecture: lambda.Architecture.ARM_64,
        memorySize: 512,
        timeout: Duration.seconds(30),
        logRetention: logs.RetentionDays.THREE_MONTHS,
      },
    });
    const found = Template.fromStack(stack);
    found.hasResourceProperties('AWS::Lambda::Function', { Architectures: ['arm64'], MemorySize: 512, Timeout: 30 });
    found.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 90 });
  });

  test('need not be there', () => {
    Template.fromStack(makeStack({ testFunction: false })).resourceCountIs('AWS::Lambda::Function', 0);
  });
});

describe('the schedule', () => {
  test('is off', () => {
    template.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(5 minutes)', State: 'DISABLED' });
  });

  test('is on by option', () => {
    const testFunction = { schedule: events.Schedule.rate(Duration.hours(1)), scheduleEnabled: true };
    Template.fromStack(makeStack({ testFunction })).hasResourceProperties('AWS::Events::Rule', {
      ScheduleExpression: 'rate(1 hour)',
      State: 'ENABLED',
    });
  });
});

describe('the consumer', () => {
  test('is invoked so that one bad record costs one record', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      MaximumRetryAttempts: 20,
      StartingPosition: 'TRIM_HORIZON',
      DestinationConfig: {
        OnFailure: { Destination: { 'Fn::GetAtt': [Match.stringLikeRegexp('^ConsumerFailures'), 'Arn'] } },
      },
    });
    template.hasResourceProperties('AWS::SQS::Queue', {
      SqsManagedSseEnabled: true,
      MessageRetentionPeriod: 1_209_600,
    });
  });
});

describe('other stacks', () => {
  test('find stream, key, policy and layers in SSM, below a prefix of their choice', () => {
    const names = (stack: TelemetryForwarderStack): unknown[] =>
      everyOfType(resourcesOf(stack), 'AWS::SSM::Parameter').map(([, { Properties }]) => Properties['Name']);
    const all = [
      'stream-name',
      'stream-arn',
      'key-arn',
      'policy-name',
      'policy-arn',
      'layer-arn/x86_64',
      `layer-arn/x86_64/${version}`,
      'layer-arn/arm64',
      `layer-arn/arm64/${version}`,
    ];
    expect(names(everything)).toEqual(all.map((name) => `/telemetry/${name}`));
    expect(names(makeStack({ parameterPrefix: '/shared/logs' }))).toEqual(all.map((name) => `/shared/logs/${name}`));
  });

  test('find no name that was chosen for them', () => {
    const named = Object.entries(resources).filter(([, { Type, Properties }]) =>
      Type === 'AWS::SSM::Parameter'
        ? false
        : ['Name', 'FunctionName', 'RoleName', 'BucketName', 'TopicName', 'QueueName', 'AlarmName', 'LogGroupName']
            .map((key) => Properties[key])
            .some((name) => typeof name === 'string'),
    );
    expect(named).toEqual([]);
  });
});

test('the template is the one that was reviewed', () => {
  const text = JSON.stringify(template.toJSON()).replace(/[0-9a-f]{64}/g, 'HASH');
  expect(JSON.parse(text)).toMatchSnapshot();
});
