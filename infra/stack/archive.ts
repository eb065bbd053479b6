import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { Compression } from '../construct/src/values';
import type { StreamArchiveOptions } from './archive-bucket';
import { DATA, ERRORS, makeArchiveBucket } from './archive-bucket';

/** Parts of an archive. */
export interface StreamArchiveProps extends StreamArchiveOptions {
  /** Stream that is archived. */
  readonly stream: kinesis.IStream;
  /** Compression that records have already. */
  readonly compression: Compression;
}

/** Records that are compressed already are written one after the other, which is a valid file; others Firehose compresses. */
const FILES: Readonly<Record<Compression, { compression: firehose.Compression; fileExtension: string }>> = {
  [Compression.NONE]: { compression: firehose.Compression.GZIP, fileExtension: '.jsonl.gz' },
  [Compression.GZIP]: { compression: firehose.Compression.UNCOMPRESSED, fileExtension: '.jsonl.gz' },
  [Compression.ZSTD]: { compression: firehose.Compression.UNCOMPRESSED, fileExtension: '.jsonl.zst' },
};

/** Firehose reads the stream and writes to S3. */
export class StreamArchive extends Construct {
  public readonly bucket: s3.Bucket;
  public readonly deliveryStream: firehose.DeliveryStream;

  constructor(scope: Construct, id: string, props: StreamArchiveProps) {
    super(scope, id);
    this.bucket = makeArchiveBucket(this, props);
    const logGroup = new logs.LogGroup(this, 'LogGroup', {
      retention: logs.RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = this.makeRole(props.stream, logGroup).withoutPolicyUpdates();
    this.deliveryStream = new firehose.DeliveryStream(this, 'DeliveryStream', {
      role,
      source: new firehose.KinesisStreamSource(props.stream),
      destination: new firehose.S3Bucket(this.bucket, {
        ...FILES[props.compression],
        role,
        bufferingInterval: Duration.minutes(5),
        bufferingSize: Size.mebibytes(64),
        dataOutputPrefix: `${DATA}!{timestamp:yyyy/MM/dd/HH}/`,
        errorOutputPrefix: `${ERRORS}!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/`,
        loggingConfig: new firehose.EnableLogging(logGroup),
      }),
    });
    // The addresses that Firehose comes from, which CDK adds for destinations in a VPC.
    Stack.of(this).node.tryRemoveChild('@aws-cdk--aws-kinesisfirehose.CidrBlocks');
  }

  /** Permissions that Firehose needs by its documentation, and not what CDK's `grantReadWrite` gives: it deletes nothing. */
  private makeRole(stream: kinesis.IStream, logGroup: logs.LogGroup): iam.Role {
    const allow = (actions: string[], resources: string[]): iam.PolicyStatement =>
      new iam.PolicyStatement({ actions, resources });
    const statements = [
      allow(
        ['kinesis:DescribeStream', 'kinesis:GetRecords', 'kinesis:GetShardIterator', 'kinesis:ListShards'],
        [stream.streamArn],
      ),
      ...(stream.encryptionKey === undefined ? [] : [allow(['kms:Decrypt'], [stream.encryptionKey.keyArn])]),
      allow(['s3:GetBucketLocation', 's3:ListBucket', 's3:ListBucketMultipartUploads'], [this.bucket.bucketArn]),
      allow(
        ['s3:AbortMultipartUpload', 's3:GetObject', 's3:PutObject'],
        [this.bucket.arnForObjects(`${DATA}*`), this.bucket.arnForObjects(`${ERRORS}*`)],
      ),
      allow(['logs:PutLogEvents'], [logGroup.logGroupArn]),
    ];
    return new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('firehose.amazonaws.com', {
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(this).account } },
      }),
      description: 'Reads the telemetry stream and writes to the archive',
      inlinePolicies: { Archive: new iam.PolicyDocument({ statements }) },
    });
  }
}
