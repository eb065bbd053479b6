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

  test.each([
    'Events in',
    'Delivered',
    'Dropped',
    'Spooled',
    'Put latency',
    'Added time',
    'Throughput against limit: bytes',
  ])('shows: %s', (title) => {
    expect(body.widgets.map(({ properties }) => properties.title)).toContain(title);
  });

  test.each(['EventsIn', 'Delivered', 'Dropped', 'Spooled', 'PutLatency', 'AddedTime'])(
    'finds the forwarder’s metric %s',
    (metric) => {
      const searches = body.widgets.map(({ properties }) => properties.metrics?.[0]?.[0]?.expression ?? '');
      const search = `SEARCH('{TelemetryForwarder,FunctionName} MetricName="${metric}"'`;
      expect(searches.filter((expression) => expression.startsWith(search))).toHaveLength(1);
    },
  );
});
