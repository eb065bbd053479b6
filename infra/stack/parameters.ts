import { RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { TelemetryForwarder } from '../construct/src/forwarder';
import { layerParameter, VERSION } from '../construct/src/layers';

/** Outputs for other stacks. */
export interface PublishedParametersProps {
  /** Prefix of all parameters' names. */
  readonly prefix: string;
  readonly stream: kinesis.IStream;
  readonly forwarder: TelemetryForwarder;
  /** The architectures whose layers are published. */
  readonly architectures: readonly lambda.Architecture[];
  /** The policy that lets a role write to the stream. */
  readonly policy: iam.ManagedPolicy;
}

/**
 * SSM parameters by which other stacks find the stream, the layers and the policy: `<prefix>/stream-name`, `/stream-arn`,
 * `/key-arn`, `/policy-name`, `/policy-arn`, `/layer-arn/<architecture>`, `/layer-arn/<architecture>/<release>`.
 */
export class PublishedParameters extends Construct {
  private readonly prefix: string;

  constructor(scope: Construct, id: string, props: PublishedParametersProps) {
    super(scope, id);
    const { stream, policy, forwarder } = props;
    this.prefix = props.prefix;
    this.add('StreamName', `${this.prefix}/stream-name`, stream.streamName, 'The stream that telemetry goes to');
    this.add('StreamArn', `${this.prefix}/stream-arn`, stream.streamArn, 'The stream that telemetry goes to');
    if (stream.encryptionKey !== undefined) {
      this.add('KeyArn', `${this.prefix}/key-arn`, stream.encryptionKey.keyArn, 'What that stream is encrypted with');
    }
    this.add('PolicyName', `${this.prefix}/policy-name`, policy.managedPolicyName, 'Lets a role write to that stream');
    this.add('PolicyArn', `${this.prefix}/policy-arn`, policy.managedPolicyArn, 'Lets a role write to that stream');
    props.architectures.forEach((architecture, index) => {
      const arn = forwarder.layer(architecture).layerVersionArn;
      this.add(`LayerArn${index}`, layerParameter(this.prefix, architecture), arn, 'The layer for this architecture');
      // One for each release, and it stays: functions that name it are deployed again long after the next one came.
      const ofRelease = layerParameter(this.prefix, architecture, VERSION);
      this.add(`LayerArn${index}-${VERSION}`, ofRelease, arn, `The layer of release ${VERSION}`).applyRemovalPolicy(
        RemovalPolicy.RETAIN,
      );
    });
  }

  private add(id: string, parameterName: string, stringValue: string, description: string): ssm.StringParameter {
    return new ssm.StringParameter(this, id, { parameterName, stringValue, description, simpleName: false });
  }
}
