import type { CfnResource, StackProps } from 'aws-cdk-lib';
import { CfnOutput, Duration, RemovalPolicy, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as kms from 'aws-cdk-lib/aws-kms';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { TelemetryForwarder } from '../construct/src/forwarder';
import { Artifacts } from '../construct/src/artifacts';
import { ForwarderLayers } from '../construct/src/layers';
import type { ForwarderOptions } from '../construct/src/options';
import { Compression, ForwarderMetrics } from '../construct/src/values';
import type { Problem } from '../construct/src/problems';
import { refuse } from '../construct/src/problems';
import { ForwarderSink } from '../construct/src/sink';
import type { AlarmOptions } from './alarms';
import { ForwarderAlarms } from './alarms';
import { StreamArchive } from './archive';
import type { StreamArchiveOptions } from './archive-bucket';
import { ArchivedBy } from './archive-bucket';
import { StreamChannel } from './channel';
import type { StreamConsumerOptions } from './consumer';
import { StreamConsumer } from './consumer';
import { ForwarderDashboard } from './dashboard';
import { explainFindings } from './findings';
import { PublishedParameters } from './parameters';
import type { StreamOptions } from './stream';
import { streamRemovalPolicy, TelemetryStream } from './stream';
import type { CostTags } from './tags';
import { TAG_KEYS, tagAll } from './tags';
import type { TestFunctionOptions } from './test-function';
import { TestFunction } from './test-function';

/** Parts of the stack. */
export interface TelemetryForwarderStackProps extends StackProps {
  /** Tags of every resource. */
  readonly costTags: CostTags;

  /**
   * Folder of the zips of layers and functions.
   * @default - the folder `dist`, where `make layer` puts them
   */
  readonly artifacts?: Artifacts;

  /**
   * The stream.
   * @default - a new one, on demand, kept for 24 hours
   */
  readonly stream?: StreamOptions;

  /**
   * Compression of the forwarder's records.
   * @default Compression.NONE
   */
  readonly compression?: Compression;

  /**
   * Further options of the test function's forwarder.
   * @default - its defaults
   */
  readonly forwarder?: Omit<ForwarderOptions, 'sinks'>;

  /**
   * Everything in the stream, in a bucket.
   * @default - no archive
   */
  readonly archive?: StreamArchiveOptions;

  /**
   * The test function; `false` for none.
   * @default - with its defaults
   */
  readonly testFunction?: TestFunctionOptions | false;

  /**
   * The function that reads the stream, `examples/lambda-consumer`.
   * @default - none
   */
  readonly consumer?: StreamConsumerOptions;

  /**
   * Recipient of alarms.
   * @default - a topic without subscribers
   */
  readonly alarms?: AlarmOptions;

  /**
   * Prefix of the SSM parameters' names.
   * @default - a slash and the stack's name
   */
  readonly parameterPrefix?: string;
}

/** A stream, the layers, a test function, and what watches over them. */
export class TelemetryForwarderStack extends Stack {
  public readonly stream: kinesis.IStream;
  public readonly forwarder: TelemetryForwarder;
  public readonly testFunction: lambda.Function | undefined;
  public readonly consumer: StreamConsumer | undefined;
  public readonly archive: StreamArchive | StreamChannel | undefined;

  constructor(scope: Construct, id: string, props: TelemetryForwarderStackProps) {
    super(scope, id, { description: 'Telemetry of Lambda functions, in a stream', ...props });
    const problems = [...checkTags(props.costTags), ...checkStream(props.stream ?? {}), ...checkArchive(props)];
    refuse(this, [...problems, ...checkPrefix(props.parameterPrefix)]);
    tagAll(this, props.costTags);

    const artifacts = props.artifacts ?? Artifacts.fromDirectory();
    const compression = props.compression ?? Compression.NONE;
    const encryptionKey = new kms.Key(this, 'Key', {
      description: 'Telemetry in the stream, and alarms',
      enableKeyRotation: true,
      pendingWindow: Duration.days(7),
      // A stream that stays is worth nothing without it.
      removalPolicy: streamRemovalPolicy(props.stream ?? {}),
    });
    this.stream = this.makeStream(props.stream ?? {}, encryptionKey);
    const sink = ForwarderSink.kinesis({
      stream: this.stream,
      ...(props.compression === undefined ? {} : { compression }),
    });
    this.forwarder = new TelemetryForwarder(this, 'Forwarder', {
      layers: ForwarderLayers.fromArtifacts(artifacts),
      // The alarms and the dashboard of this stack live on the metrics.
      defaults: { metrics: ForwarderMetrics.EMF, ...props.forwarder, sinks: { kinesis: sink } },
    });
    this.publish(props);

    if (props.testFunction !== false) {
      const testFunction = new TestFunction(this, 'TestFunction', artifacts, props.testFunction ?? {});
      this.testFunction = testFunction.function;
      this.forwarder.attach(this.testFunction);
      new CfnOutput(this, 'TestFunctionName', { value: this.testFunction.functionName });
    }
    if (props.consumer !== undefined) {
      this.consumer = new StreamConsumer(this, 'Consumer', this.stream, artifacts, props.consumer);
    }
    if (props.archive !== undefined) {
      const archive = { ...props.archive, stream: this.stream, compression };
      this.archive =
        archive.by === ArchivedBy.CHANNEL
          ? new StreamChannel(this, 'Archive', archive)
          : new StreamArchive(this, 'Archive', archive);
      new CfnOutput(this, 'ArchiveBucketName', { value: this.archive.bucket.bucketName });
    }
    this.watch(props, encryptionKey);
    explainFindings(this);
  }

  private makeStream(options: StreamOptions, encryptionKey: kms.Key): kinesis.IStream {
    const { existingName, existingArn, existingKeyArn } = options;
    if (existingName === undefined && existingArn === undefined) {
      return new TelemetryStream(this, 'Stream', { ...options, encryptionKey }).stream;
    }
    const streamArn =
      existingArn ?? this.formatArn({ service: 'kinesis', resource: 'stream', resourceName: existingName ?? '' });
    return kinesis.Stream.fromStreamAttributes(this, 'Stream', {
      streamArn,
      ...(existingKeyArn === undefined ? {} : { encryptionKey: kms.Key.fromKeyArn(this, 'StreamKey', existingKeyArn) }),
    });
  }

  /** Names and ARNs for other stacks and people. */
  private publish({ parameterPrefix, stream }: TelemetryForwarderStackProps): void {
    const policy = new iam.ManagedPolicy(this, 'WritePolicy', {
      description: 'Lets functions write to the telemetry stream',
    });
    this.forwarder.grantWrite(policy);
    const architectures = this.forwarder.layers.architectures;
    new PublishedParameters(this, 'Parameters', {
      prefix: parameterPrefix ?? `/${this.stackName}`,
      stream: this.stream,
      forwarder: this.forwarder,
      architectures,
      policy,
    });
    new CfnOutput(this, 'StreamName', { value: this.stream.streamName });
    new CfnOutput(this, 'WritePolicyArn', { value: policy.managedPolicyArn });
    architectures.forEach((architecture) => {
      const id = Token.isUnresolved(architecture.name) ? 'LayerArn' : `LayerArn-${architecture.name}`;
      const layer = this.forwarder.layer(architecture);
      new CfnOutput(this, id, { value: layer.layerVersionArn });
      stream?.producerAccounts?.forEach((accountId) => {
        layer.addPermission(`Account${accountId}`, { accountId });
        // Functions there that scale out fetch the layer again: a permission goes when its version does, and that stays.
        const permission = layer.node.tryFindChild(`Account${accountId}`) as CfnResource;
        permission.applyRemovalPolicy(RemovalPolicy.RETAIN);
      });
    });
  }

  private watch({ alarms, stream }: TelemetryForwarderStackProps, encryptionKey: kms.Key): void {
    const { topic, alarms: all } = new ForwarderAlarms(this, 'Alarms', {
      ...alarms,
      encryptionKey,
      stream: this.stream,
      functions: {
        ...(this.testFunction === undefined ? {} : { TestFunction: this.testFunction }),
        ...(this.consumer === undefined ? {} : { Consumer: this.consumer.function }),
      },
      ...(this.consumer === undefined ? {} : { failures: this.consumer.failures }),
      ...(this.archive instanceof StreamArchive ? { archive: this.archive.deliveryStream } : {}),
      hasChannel: this.archive instanceof StreamChannel,
    });
    const shown: cloudwatch.IAlarm[] = all;
    const { dashboard } = new ForwarderDashboard(this, 'Operations', {
      stream: this.stream,
      alarms: shown,
      isNew: stream?.existingName === undefined && stream?.existingArn === undefined,
      ...(stream?.mode === kinesis.StreamMode.PROVISIONED ? { shardCount: stream.shardCount ?? 1 } : {}),
    });
    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
    new CfnOutput(this, 'DashboardName', { value: dashboard.dashboardName });
  }
}

/** A channel reads streams on demand alone. Of one that is there nobody knows the mode here. */
function checkArchive({ archive, stream }: TelemetryForwarderStackProps): Problem[] {
  const wrong = 'a channel reads on-demand streams alone';
  const fix = 'write `archive=true` for Firehose, or leave `streamMode` out';
  const isRead = archive?.by !== ArchivedBy.CHANNEL || stream?.mode !== kinesis.StreamMode.PROVISIONED;
  return isRead ? [] : [{ option: 'archive', wrong, fix }];
}

/** Whether all tags are given. */
export function checkTags(tags: CostTags): Problem[] {
  const options = Object.keys(TAG_KEYS) as (keyof CostTags)[];
  return options
    .filter((option) => (tags[option] as string | undefined) === undefined || tags[option].trim() === '')
    .map((option) => ({
      option: TAG_KEYS[option],
      wrong: 'the tag is missing',
      fix: `give it in cdk.json or by \`-c ${TAG_KEYS[option]}=…\`: every resource is tagged with it`,
    }));
}

/** Whether names of parameters may begin so. */
export function checkPrefix(prefix = ''): Problem[] {
  // Systems Manager keeps `/aws` and `/ssm` to itself.
  return prefix === '' || Token.isUnresolved(prefix) || /^(?!\/(aws|ssm))(\/[\w.-]+)+$/i.test(prefix)
    ? []
    : [
        {
          option: 'parameterPrefix',
          wrong: `\`${prefix}\` is nothing that names of parameters may begin with`,
          fix: 'write it as in `/shop/telemetry`: a slash before each level and none at the end, neither `/aws…` nor `/ssm…`',
        },
      ];
}

/** Kinesis quotas. */
const RETENTION_HOURS = { least: 24, most: 8_760 };

function checkStream(options: StreamOptions): Problem[] {
  const { existingName, existingArn, shardCount, retention } = options;
  const problems: Problem[] = [];
  if (existingName !== undefined && existingArn !== undefined) {
    const wrong = '`streamName` and `streamArn` are given at once';
    problems.push({ option: 'streamName', wrong, fix: 'keep one of them, or none for a new stream' });
  }
  const arns = { streamArn: [existingArn, 'kinesis'], streamKeyArn: [options.existingKeyArn, 'kms'] } as const;
  for (const [option, [arn, service]] of Object.entries(arns)) {
    if (arn !== undefined && !Token.isUnresolved(arn) && !new RegExp(`^arn:[^:]+:${service}:`).test(arn)) {
      problems.push({
        option,
        wrong: `\`${arn}\` is no ARN of ${service}`,
        fix: `write it as in \`arn:aws:${service}:…\``,
      });
    }
  }
  if (existingName !== undefined || existingArn !== undefined) {
    const ofNewOnes = {
      mode: 'streamMode',
      shardCount: 'shardCount',
      retention: 'retentionHours',
      producerAccounts: 'producerAccounts',
      removalPolicy: 'streamRemoval',
    };
    for (const [option, name] of Object.entries(ofNewOnes)) {
      if (options[option as keyof StreamOptions] !== undefined) {
        const wrong = 'the stream is there already, and is not changed';
        problems.push({ option: name, wrong, fix: 'leave it out, or leave `streamName` and `streamArn` out' });
      }
    }
    return problems;
  }
  if (options.existingKeyArn !== undefined) {
    const wrong = 'a new stream is encrypted with a new key';
    problems.push({ option: 'streamKeyArn', wrong, fix: 'leave it out, or name the stream that the key belongs to' });
  }
  if (shardCount !== undefined && options.mode !== kinesis.StreamMode.PROVISIONED) {
    const wrong = 'an on-demand stream has no shard count';
    problems.push({ option: 'shardCount', wrong, fix: 'leave it out, or choose `streamMode=provisioned`' });
  }
  const hours = retention?.toHours();
  if (hours !== undefined && (hours < RETENTION_HOURS.least || hours > RETENTION_HOURS.most)) {
    const fix = `choose from ${RETENTION_HOURS.least} to ${RETENTION_HOURS.most} hours`;
    problems.push({ option: 'retentionHours', wrong: `Kinesis does not keep records for ${hours} hours`, fix });
  }
  return problems;
}
