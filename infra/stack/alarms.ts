import { Duration, Stack } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as sns from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { overAllChannels, overAllFunctions } from './metrics';

/** Alarms and their recipients. */
export interface AlarmOptions {
  /**
   * E-mail address of the recipient.
   * @default - nobody; subscribe to the topic
   */
  readonly email?: string;

  /**
   * Longest lag of a reader.
   * @default Duration.hours(1)
   */
  readonly iteratorAge?: Duration;
}

/** Watched resources. */
export interface ForwarderAlarmsProps extends AlarmOptions {
  /** Key that encrypts the topic. */
  readonly encryptionKey: kms.Key;
  /** The stream. */
  readonly stream: kinesis.IStream;
  /** Functions whose errors are somebody's business, by name. */
  readonly functions: Readonly<Record<string, lambda.IFunction>>;
  /** The queue of what the consumer could not handle. */
  readonly failures?: sqs.IQueue;
  /** The delivery stream that writes the archive. */
  readonly archive?: firehose.IDeliveryStream;
  /** Whether Kinesis itself writes the archive. */
  readonly hasChannel?: boolean;
}

/** The period of alarms that must not be missed. */
const MINUTE = Duration.minutes(1);
const FIVE_MINUTES = Duration.minutes(5);

/** Alarms, and the topic that they go to. */
export class ForwarderAlarms extends Construct {
  public readonly topic: sns.Topic;
  public readonly alarms: cloudwatch.Alarm[] = [];

  constructor(scope: Construct, id: string, props: ForwarderAlarmsProps) {
    super(scope, id);
    this.topic = new sns.Topic(this, 'Topic', { masterKey: props.encryptionKey, enforceSSL: true });
    props.encryptionKey.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Alarms',
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        // A key's own policy speaks of that key alone.
        resources: ['*'],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    // A topic with a policy of its own has lost the one that lets the account's alarms publish.
    this.topic.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'Alarms',
        principals: [new iam.ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topic.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
    );
    if (props.email !== undefined) {
      this.topic.addSubscription(new EmailSubscription(props.email));
    }
    this.watchStream(props);
    this.watchForwarders();
    this.watchArchive(props);
    for (const [name, fn] of Object.entries(props.functions)) {
      this.add(
        `${name}Errors`,
        `${name}: invocations fail`,
        fn.metricErrors({ statistic: 'Sum', period: FIVE_MINUTES }),
        {
          threshold: 0,
        },
      );
    }
    if (props.failures !== undefined) {
      const waiting = props.failures.metricApproximateNumberOfMessagesVisible({
        statistic: 'Maximum',
        period: FIVE_MINUTES,
      });
      const says = 'The consumer gave up on records of the stream: the messages in its queue name them.';
      this.add('ConsumerFailures', says, waiting, { threshold: 0 });
    }
  }

  private watchStream({ stream, iteratorAge = Duration.hours(1) }: ForwarderAlarmsProps): void {
    const refused = stream.metricWriteProvisionedThroughputExceeded({ statistic: 'Sum', period: MINUTE });
    const says =
      'The stream refuses writes. The forwarder tries again, and keeps what it can: add shards, or compress.';
    // One minute of it is what retries are for.
    this.add('ThrottledWrites', says, refused, { threshold: 0, evaluationPeriods: 5, datapointsToAlarm: 3 });
    const age = stream.metricGetRecordsIteratorAgeMilliseconds({ statistic: 'Maximum', period: MINUTE });
    const late = 'A reader has fallen behind. What it has not read when its retention ends is lost to it.';
    this.add('IteratorAge', late, age, {
      threshold: iteratorAge.toMilliseconds(),
      evaluationPeriods: 5,
      datapointsToAlarm: 5,
    });
  }

  /** Firehose tries again for as long as the stream keeps records: late means that it cannot read, or cannot write. */
  private watchArchive({ archive, hasChannel = false, iteratorAge = Duration.hours(1) }: ForwarderAlarmsProps): void {
    const late = { threshold: iteratorAge.toSeconds(), evaluationPeriods: 3, datapointsToAlarm: 3 };
    const says =
      'The archive is behind: its oldest record is not in the bucket yet. It is lost when the stream forgets it.';
    if (archive !== undefined) {
      const age = archive.metric('DeliveryToS3.DataFreshness', { statistic: 'Maximum', period: FIVE_MINUTES });
      this.add('ArchiveLate', says, age, late);
    }
    if (hasChannel) {
      this.add('ArchiveLate', says, overAllChannels('DeliveryToS3.DataFreshness', 'MAX', FIVE_MINUTES), late);
      const failed = overAllChannels('DeliveryToS3.FailedRecordCount', 'SUM', FIVE_MINUTES);
      const refused = 'The channel could not deliver records: they are in the archive’s bucket, below errors/.';
      this.add('ArchiveFailures', refused, failed, { threshold: 0 });
    }
  }

  private watchForwarders(): void {
    const dropped = 'Forwarders dropped events. Which, and why, is in the stream: `forwarder.dropped`.';
    this.add('Dropped', dropped, overAllFunctions('Dropped', 'SUM', FIVE_MINUTES), { threshold: 0 });
    const spooled =
      'Forwarders cannot deliver, and keep events on disk: the sink is down, refuses them, or is too small.';
    this.add('Spooled', spooled, overAllFunctions('Spooled', 'MAX', FIVE_MINUTES), {
      threshold: 0,
      evaluationPeriods: 3,
      datapointsToAlarm: 3,
    });
  }

  private add(
    id: string,
    alarmDescription: string,
    metric: cloudwatch.IMetric,
    when: { threshold: number; evaluationPeriods?: number; datapointsToAlarm?: number },
  ): void {
    const alarm = new cloudwatch.Alarm(this, id, {
      alarmDescription,
      metric,
      evaluationPeriods: 1,
      ...when,
      comparisonOperator: cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD,
      // Where nothing runs nothing is measured.
      treatMissingData: cloudwatch.TreatMissingData.NOT_BREACHING,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    alarm.addOkAction(new SnsAction(this.topic));
    this.alarms.push(alarm);
  }
}
