import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { dashboardOf, everyOfType, EVERYTHING, makeStack, resourcesOf } from './apps';

const everything = makeStack(EVERYTHING);
const template = Template.fromStack(everything);

describe('alarms', () => {
  const alarms = Object.fromEntries(
    everyOfType(resourcesOf(everything), 'AWS::CloudWatch::Alarm').map(([id, { Properties }]) => [
      id.slice(0, -8),
      Properties,
    ]),
  );

  test('watch over writes, readers, forwarders and functions', () => {
    expect(Object.keys(alarms).sort()).toEqual([
      'AlarmsArchiveLate',
      'AlarmsConsumerErrors',
      'AlarmsConsumerFailures',
      'AlarmsDropped',
      'AlarmsIteratorAge',
      'AlarmsSpooled',
      'AlarmsTestFunctionErrors',
      'AlarmsThrottledWrites',
    ]);
    expect(alarms['AlarmsThrottledWrites']).toMatchObject({
      MetricName: 'WriteProvisionedThroughputExceeded',
      Statistic: 'Sum',
    });
    expect(alarms['AlarmsIteratorAge']).toMatchObject({
      MetricName: 'GetRecords.IteratorAgeMilliseconds',
      Statistic: 'Maximum',
      Threshold: 3_600_000,
    });
    expect(alarms['AlarmsArchiveLate']).toMatchObject({
      Namespace: 'AWS/Firehose',
      MetricName: 'DeliveryToS3.DataFreshness',
      Threshold: 3_600,
    });
    expect(alarms['AlarmsDropped']).toMatchObject({
      Metrics: [{ Expression: 'SELECT SUM(Dropped) FROM SCHEMA("TelemetryForwarder", FunctionName)' }],
    });
    expect(alarms['AlarmsSpooled']).toMatchObject({
      Metrics: [{ Expression: 'SELECT MAX(Spooled) FROM SCHEMA("TelemetryForwarder", FunctionName)' }],
    });
  });

  test.each(Object.entries(alarms))('%s tells the topic, and says what it is about', (_, alarm) => {
    const topic = [{ Ref: expect.stringMatching(/^AlarmsTopic/) as string }];
    expect(alarm).toMatchObject({
      AlarmActions: topic,
      OKActions: topic,
      TreatMissingData: 'notBreaching',
      Threshold: expect.any(Number) as number,
    });
    expect(alarm['AlarmDescription']).toEqual(expect.any(String));
  });

  test('reach people: CloudWatch may publish and use the key of the topic, and the address is subscribed', () => {
    // The policy that denies what is not TLS takes the place of the one that every topic has, by which alarms publish.
    template.hasResourceProperties('AWS::SNS::TopicPolicy', {
      PolicyDocument: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: 'sns:Publish',
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
            Effect: 'Allow',
            Principal: { Service: 'cloudwatch.amazonaws.com' },
          }),
        ]),
      },
    });
    template.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    template.hasResourceProperties('AWS::SNS::Subscription', { Protocol: 'email', Endpoint: 'somebody@example.com' });
    template.hasResourceProperties('AWS::KMS::Key', {
      KeyPolicy: {
        Statement: Match.arrayWith([
          Match.objectLike({
            Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
            Principal: { Service: 'cloudwatch.amazonaws.com' },
          }),
        ]),
      },
    });
  });
});

describe('the dashboard', () => {
  const body = JSON.parse(dashboardOf(everything)) as {
    widgets: { properties: { title?: string; metrics?: { expression?: string }[][] } }[];
  };

  const titles = body.widgets.map(({ properties }) => properties.title);

  test.each([
    'Events in: all functions',
    'Delivered: all functions',
    'Dropped: the ten highest',
    'Spooled: the ten highest',
    'Put latency: the ten highest',
    'Added time: all functions',
    'Throughput against limit: bytes',
  ])('shows: %s', (title) => {
    expect(titles).toContain(title);
  });

  test.each([
    ['EventsIn', 'SUM'],
    ['Delivered', 'SUM'],
    ['Dropped', 'SUM'],
    ['Spooled', 'MAX'],
    ['PutLatency', 'AVG'],
    ['AddedTime', 'AVG'],
  ])(
    'finds the forwarder’s metric %s, of all functions as one and of the ten highest: a graph has 500 lines at most',
    (metric, aggregate) => {
      const queries = body.widgets.map(({ properties }) => properties.metrics?.[0]?.[0]?.expression ?? '');
      const all = `SELECT ${aggregate}(${metric}) FROM SCHEMA("TelemetryForwarder", FunctionName)`;
      const worst = `${all} GROUP BY FunctionName ORDER BY ${aggregate}() DESC LIMIT 10`;
      expect(queries.filter((query) => query.includes(`(${metric})`))).toEqual([all, worst]);
      expect(queries.join()).not.toContain('SEARCH(');
    },
  );
});
