import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import type { TelemetryForwarder } from '../construct/src/forwarder';
import { layerParameter } from '../construct/src/layers';

/** What other stacks are told. */
export interface PublishedParametersProps {
  /** What the names of all parameters begin with. */
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
 * `/key-arn`, `/policy-name`, `/policy-arn`, `/layer-arn/<architecture>`.
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
      const name = layerParameter(this.prefix, architecture);
      this.add(
        `LayerArn${index}`,
        name,
        forwarder.layer(architecture).layerVersionArn,
        'The layer for this architecture',
      );
    });
  }

  private add(id: string, parameterName: string, stringValue: string, description: string): void {
    new ssm.StringParameter(this, id, { parameterName, stringValue, description, simpleName: false });
  }
}
