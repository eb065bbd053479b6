import { Duration } from 'aws-cdk-lib';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource, SqsDlq } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type { Artifacts } from '../construct/src/artifacts';
import type { FunctionOptions } from './function';
import { ProvidedFunction } from './function';

/** The function that reads the stream by an event source mapping. */
export interface StreamConsumerOptions extends FunctionOptions {
  /**
   * The most records of one invocation.
   * @default 1000
   */
  readonly batchSize?: number;

  /**
   * Number of retries of a batch before its records go to the queue.
   * @default 20
   */
  readonly retryAttempts?: number;
}

/**
 * `examples/lambda-consumer`. It is never attached to the forwarder: a reader whose own logs go into the stream that it
 * reads would invoke itself for ever.
 */
export class StreamConsumer extends ProvidedFunction {
  /** Batches that could not be handled: shard and sequence numbers, by which the records are found while the stream has them. */
  public readonly failures: sqs.Queue;

  constructor(
    scope: Construct,
    id: string,
    stream: kinesis.IStream,
    artifacts: Artifacts,
    options: StreamConsumerOptions,
  ) {
    super(scope, id, {
      ...options,
      artifacts,
      artifact: 'lambda-consumer',
      description: 'Reads the telemetry stream',
      memorySize: options.memorySize ?? 512,
      timeout: options.timeout ?? Duration.seconds(60),
    });
    this.failures = new sqs.Queue(this, 'Failures', {
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    this.function.addEventSource(
      new KinesisEventSource(stream, {
        startingPosition: lambda.StartingPosition.TRIM_HORIZON,
        batchSize: options.batchSize ?? 1_000,
        maxBatchingWindow: Duration.seconds(5),
        // The records from the first one that failed are tried again, and no others.
        reportBatchItemFailures: true,
        // A record that always fails is cornered by halving, instead of holding up its shard.
        bisectBatchOnError: true,
        retryAttempts: options.retryAttempts ?? 20,
        onFailure: new SqsDlq(this.failures),
      }),
    );
  }
}
