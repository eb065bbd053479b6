import { Names, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { Compression } from '../construct/src/values';
import type { StreamArchiveOptions } from './archive-bucket';
import { DATA, ERRORS, makeArchiveBucket } from './archive-bucket';

/** Parts of an archive. */
export interface StreamChannelProps extends StreamArchiveOptions {
  /** Stream that is archived: on demand, and encrypted with a key of one's own. */
  readonly stream: kinesis.IStream;
  /** Compression that records have already. */
  readonly compression: Compression;
}

/**
 * A record has many lines, which is no JSON document: as `JSON` it would end in the dead-letter queue. What is compressed
 * already is no text, and is not compressed again.
 */
const FILES: Readonly<Record<Compression, { format: string; compression: string; extension: string }>> = {
  [Compression.NONE]: { format: 'STRING', compression: 'GZIP', extension: '.jsonl.gz' },
  [Compression.GZIP]: { format: 'BYTE_ARRAY', compression: 'NONE', extension: '.jsonl.gz' },
  [Compression.ZSTD]: { format: 'BYTE_ARRAY', compression: 'NONE', extension: '.jsonl.zst' },
};

/** The least that a channel waits before it writes an object, and the default. Kinesis developer guide, data delivery concepts. */
const FRESHNESS_SECONDS = 300;

/** Kinesis itself writes what is in the stream to S3. */
export class StreamChannel extends Construct {
  public readonly bucket: s3.Bucket;
  public readonly channel: kinesis.CfnChannel;

  constructor(scope: Construct, id: string, props: StreamChannelProps) {
    super(scope, id);
    this.bucket = makeArchiveBucket(this, props);
    const logGroup = new logs.LogGroup(this, 'LogGroup', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const { format, compression, extension } = FILES[props.compression];
    const { account } = Stack.of(this);
    this.channel = new kinesis.CfnChannel(this, 'Channel', {
      channelName: Names.uniqueResourceName(this, { maxLength: 64, separator: '-' }),
      serviceExecutionRoleArn: this.makeRole(props.stream, logGroup).roleArn,
      streamConfigurationList: [
        { streamArn: props.stream.streamArn, recordConfiguration: { recordFormatType: format } },
      ],
      s3DestinationConfiguration: {
        dataFreshnessInSeconds: FRESHNESS_SECONDS,
        storageConfiguration: {
          bucketArn: this.bucket.bucketArn,
          expectedBucketOwner: account,
          compressionType: compression,
          outputKeyTemplate: `${DATA}!{yyyy}/!{MM}/!{dd}/!{HH}/!{channel-name}-!{yyyy}-!{MM}-!{dd}-!{HH}-!{mm}!{extension:${extension}}`,
        },
        deadLetterQueueS3Configuration: {
          bucketArn: this.bucket.bucketArn,
          expectedBucketOwner: account,
          errorOutputPrefix: ERRORS,
        },
      },
      loggingConfiguration: { cloudWatchLogs: { enabled: true, logGroupName: logGroup.logGroupName } },
    });
  }

  /** Permissions as Kinesis' developer guide has them for its service execution role, on these resources alone. */
  private makeRole(stream: kinesis.IStream, logGroup: logs.LogGroup): iam.Role {
    const allow = (actions: string[], resources: string[]): iam.PolicyStatement =>
      new iam.PolicyStatement({ actions, resources });
    const statements = [
      allow(
        [
          'kinesis:DescribeStream',
          'kinesis:DescribeStreamSummary',
          'kinesis:GetRecords',
          'kinesis:GetShardIterator',
          'kinesis:ListShards',
        ],
        [stream.streamArn],
      ),
      ...(stream.encryptionKey === undefined ? [] : [allow(['kms:Decrypt'], [stream.encryptionKey.keyArn])]),
      allow(['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], [this.bucket.bucketArn]),
      allow(
        ['s3:AbortMultipartUpload', 's3:ListMultipartUploadParts', 's3:PutObject'],
        [this.bucket.arnForObjects(`${DATA}*`), this.bucket.arnForObjects(`${ERRORS}*`)],
      ),
      allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [logGroup.logGroupArn]),
    ];
    return new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('kinesis.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Writes what is in the telemetry stream to the archive',
      inlinePolicies: { Archive: new iam.PolicyDocument({ statements }) },
    });
  }
}
