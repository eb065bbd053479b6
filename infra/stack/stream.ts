import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as kms from 'aws-cdk-lib/aws-kms';
import { Construct } from 'constructs';

/** The stream that telemetry goes to: a new one, or one that is there. */
export interface StreamOptions {
  /**
   * Mode by which the stream is scaled and paid.
   * @default StreamMode.ON_DEMAND
   */
  readonly mode?: kinesis.StreamMode;

  /**
   * Shards, for a provisioned stream: each takes 1 MB and 1,000 records a second.
   * @default 1
   */
  readonly shardCount?: number;

  /**
   * Retention of the stream, 24 hours to 365 days.
   * @default Duration.hours(24)
   */
  readonly retention?: Duration;

  /**
   * Accounts whose functions may write to it.
   * @default - this account alone
   */
  readonly producerAccounts?: readonly string[];

  /**
   * Whether the stream, and the key that it is encrypted with, stay when the stack goes. A stream costs by the hour, and
   * what is in it is gone after its retention in any case.
   * @default - they stay where other accounts may write: the data is not this account's alone; else they go
   */
  readonly removalPolicy?: RemovalPolicy;

  /**
   * The name of a stream that is there, instead of a new one.
   * @default - a new stream
   */
  readonly existingName?: string;

  /**
   * The ARN of a stream that is there, instead of a new one.
   * @default - a new stream
   */
  readonly existingArn?: string;

  /**
   * The ARN of the key that a stream that is there is encrypted with.
   * @default - it is encrypted with none of yours
   */
  readonly existingKeyArn?: string;
}

/** Whether a new stream and its key stay when the stack goes. */
export function streamRemovalPolicy({ removalPolicy, producerAccounts = [] }: StreamOptions): RemovalPolicy {
  return removalPolicy ?? (producerAccounts.length > 0 ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY);
}

/** Parts of a new stream. */
export interface TelemetryStreamProps extends StreamOptions {
  /** Key that encrypts the stream. */
  readonly encryptionKey: kms.Key;
}

/** A new stream, encrypted, and open to the accounts that were named. */
export class TelemetryStream extends Construct {
  public readonly stream: kinesis.Stream;

  constructor(scope: Construct, id: string, props: TelemetryStreamProps) {
    super(scope, id);
    const { mode = kinesis.StreamMode.ON_DEMAND, encryptionKey, producerAccounts = [] } = props;
    this.stream = new kinesis.Stream(this, 'Stream', {
      streamMode: mode,
      ...(mode === kinesis.StreamMode.PROVISIONED ? { shardCount: props.shardCount ?? 1 } : {}),
      ...(props.retention === undefined ? {} : { retentionPeriod: props.retention }),
      encryption: kinesis.StreamEncryption.KMS,
      encryptionKey,
      removalPolicy: streamRemovalPolicy(props),
    });
    if (producerAccounts.length > 0) {
      const principals = producerAccounts.map((account) => new iam.AccountPrincipal(account));
      this.stream.addToResourcePolicy(
        new iam.PolicyStatement({
          sid: 'Producers',
          principals,
          actions: ['kinesis:PutRecords'],
          resources: [this.stream.streamArn],
        }),
      );
      encryptionKey.addToResourcePolicy(
        new iam.PolicyStatement({
          sid: 'Producers',
          principals,
          actions: ['kms:GenerateDataKey'],
          // A key's own policy speaks of that key alone.
          resources: ['*'],
          conditions: { StringEquals: { 'kms:ViaService': `kinesis.${Stack.of(this).region}.amazonaws.com` } },
        }),
      );
    }
  }
}
