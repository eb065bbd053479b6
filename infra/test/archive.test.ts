import { Match, Template } from 'aws-cdk-lib/assertions';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { describe, expect, test } from 'vitest';
import { Compression } from '../construct/src';
import { ArchivedBy } from '../stack/archive-bucket';
import { makeStack } from './apps';

const template = Template.fromStack(makeStack({ archive: {} }));

describe('the archive', () => {
  test('is encrypted, closed to the public, over TLS only, and forgets', () => {
    template.hasResource('AWS::S3::Bucket', {
      Properties: {
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        LifecycleConfiguration: {
          Rules: [
            {
              ExpirationInDays: 365,
              AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
              Transitions: [{ StorageClass: 'STANDARD_IA', TransitionInDays: 30 }],
              Status: 'Enabled',
            },
          ],
        },
      },
      DeletionPolicy: 'Retain',
    });
    template.hasResourceProperties('AWS::S3::BucketPolicy', {
      PolicyDocument: {
        Statement: [Match.objectLike({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } })],
      },
    });
  });

  test.each([
    [undefined, 'GZIP', '.jsonl.gz'],
    [Compression.GZIP, 'UNCOMPRESSED', '.jsonl.gz'],
    [Compression.ZSTD, 'UNCOMPRESSED', '.jsonl.zst'],
  ])('compresses once: records of %s', (compression, format, extension) => {
    const stack = makeStack({ archive: {}, ...(compression && { compression }) });
    Template.fromStack(stack).hasResourceProperties('AWS::KinesisFirehose::DeliveryStream', {
      DeliveryStreamType: 'KinesisStreamAsSource',
      ExtendedS3DestinationConfiguration: { CompressionFormat: format, FileExtension: extension },
    });
  });
});

describe('the archive by a channel', () => {
  const byChannel = (compression?: Compression): Template =>
    Template.fromStack(
      makeStack({ archive: { by: ArchivedBy.CHANNEL }, ...(compression === undefined ? {} : { compression }) }),
    );

  test.each([
    [undefined, 'STRING', 'GZIP', '.jsonl.gz'],
    [Compression.GZIP, 'BYTE_ARRAY', 'NONE', '.jsonl.gz'],
    [Compression.ZSTD, 'BYTE_ARRAY', 'NONE', '.jsonl.zst'],
  ])('compresses once, and takes no record for JSON: records of %s', (compression, format, type, extension) => {
    byChannel(compression).hasResourceProperties('AWS::Kinesis::Channel', {
      StreamConfigurationList: [{ RecordConfiguration: { RecordFormatType: format } }],
      S3DestinationConfiguration: {
        DataFreshnessInSeconds: 300,
        StorageConfiguration: {
          CompressionType: type,
          OutputKeyTemplate: Match.stringLikeRegexp(`^telemetry/!\\{yyyy\\}/.*${extension}\\}$`),
        },
        DeadLetterQueueS3Configuration: { ErrorOutputPrefix: 'errors/' },
      },
    });
  });

  test('is Kinesis’ own: its role is for this account, reads the stream and writes below two prefixes', () => {
    const channel = byChannel();
    channel.resourceCountIs('AWS::KinesisFirehose::DeliveryStream', 0);
    channel.hasResourceProperties('AWS::IAM::Role', {
      AssumeRolePolicyDocument: {
        Statement: [
          {
            Principal: { Service: 'kinesis.amazonaws.com' },
            Condition: { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } },
          },
        ],
      },
    });
    const alarms = JSON.stringify(channel.findResources('AWS::CloudWatch::Alarm'));
    expect(alarms).toContain('SELECT MAX(\\"DeliveryToS3.DataFreshness\\") FROM \\"AWS/Kinesis\\"');
    expect(alarms).toContain('SELECT SUM(\\"DeliveryToS3.FailedRecordCount\\")');
  });

  test('is refused for a provisioned stream, which no channel reads', () => {
    expect(() =>
      makeStack({ archive: { by: ArchivedBy.CHANNEL }, stream: { mode: kinesis.StreamMode.PROVISIONED } }),
    ).toThrow('archive: a channel reads on-demand streams alone');
  });
});
