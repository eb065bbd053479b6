import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** Who writes what is in the stream into the archive. */
export enum ArchivedBy {
  /** Amazon Data Firehose, from a stream of any mode. */
  FIREHOSE = 'firehose',
  /** Kinesis itself, by a channel: from an on-demand stream, from the moment on at which the channel is there. */
  CHANNEL = 'channel',
}

/** Everything in the stream, in a bucket. */
export interface StreamArchiveOptions {
  /**
   * Who writes it.
   * @default ArchivedBy.FIREHOSE
   */
  readonly by?: ArchivedBy;

  /**
   * Age at which objects are deleted.
   * @default Duration.days(365)
   */
  readonly expiration?: Duration;

  /**
   * Age at which objects move to infrequent access, 30 days at least.
   * @default Duration.days(30)
   */
  readonly infrequentAccessAfter?: Duration;
}

/** Prefixes of objects' names. */
export const DATA = 'telemetry/';
export const ERRORS = 'errors/';

/** The bucket: encrypted, closed, over TLS only; it forgets. */
export function makeArchiveBucket(scope: Construct, options: StreamArchiveOptions): s3.Bucket {
  return new s3.Bucket(scope, 'Bucket', {
    blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
    encryption: s3.BucketEncryption.S3_MANAGED,
    enforceSSL: true,
    lifecycleRules: [
      {
        expiration: options.expiration ?? Duration.days(365),
        abortIncompleteMultipartUploadAfter: Duration.days(7),
        transitions: [
          {
            storageClass: s3.StorageClass.INFREQUENT_ACCESS,
            transitionAfter: options.infrequentAccessAfter ?? Duration.days(30),
          },
        ],
      },
    ],
    // What an archive is for outlives the stack that filled it.
    removalPolicy: RemovalPolicy.RETAIN,
  });
}
