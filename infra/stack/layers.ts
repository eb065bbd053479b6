import { CfnOutput, CfnResource, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { StackProps } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { Artifacts } from '../construct/src/artifacts';
import { ForwarderLayers, layerParameter, VERSION } from '../construct/src/layers';
import { refuse } from '../construct/src/problems';
import { checkPrefix, checkTags } from './stack';
import type { CostTags } from './tags';
import { tagAll } from './tags';

/** What a stack of the layers alone is made of. */
export interface ForwarderLayersStackProps extends StackProps {
  readonly costTags: CostTags;
  /**
   * The zips that were built.
   * @default - what `make layer` left in `dist/`
   */
  readonly artifacts?: Artifacts;
  /**
   * Accounts that may use the layers.
   * @default - this one
   */
  readonly producerAccounts?: readonly string[];
  /**
   * Prefix of the SSM parameters' names.
   * @default - a slash and the stack's name
   */
  readonly parameterPrefix?: string;
}

/** The layers and the SSM parameters that name them: for accounts whose stream is elsewhere. */
export class ForwarderLayersStack extends Stack {
  constructor(scope: Construct, id: string, props: ForwarderLayersStackProps) {
    super(scope, id, { description: 'The telemetry forwarder, as layers', ...props });
    const layers = ForwarderLayers.fromArtifacts(props.artifacts ?? Artifacts.fromDirectory());
    const nothing = {
      option: 'dist',
      wrong: 'there is no zip of a layer',
      fix: 'build them: `LAYER_REQUIRE="x86_64 arm64" make layer`',
    };
    refuse(this, [
      ...checkTags(props.costTags),
      ...checkPrefix(props.parameterPrefix),
      ...(layers.architectures.length === 0 ? [nothing] : []),
    ]);
    tagAll(this, props.costTags);
    layers.architectures.forEach((architecture) => {
      const layer = layers.layer(this, `Layer-${architecture.name}`, architecture);
      if (layer === undefined) {
        return;
      }
      props.producerAccounts?.forEach((accountId) => {
        allow(layer, accountId);
      });
      new CfnOutput(this, `LayerArn-${architecture.name}`, { value: layer.layerVersionArn });
      const prefix = props.parameterPrefix ?? `/${this.stackName}`;
      const arn = layer.layerVersionArn;
      this.publish(architecture.name, layerParameter(prefix, architecture), arn, 'The layer for this architecture');
      // One for each release, and it stays: functions that name it are deployed again long after the next one came.
      const ofRelease = layerParameter(prefix, architecture, VERSION);
      const parameter = this.publish(
        `${architecture.name}-${VERSION}`,
        ofRelease,
        arn,
        `The layer of release ${VERSION}`,
      );
      parameter.applyRemovalPolicy(RemovalPolicy.RETAIN);
    });
  }

  private publish(id: string, parameterName: string, stringValue: string, description: string): ssm.StringParameter {
    return new ssm.StringParameter(this, `Parameter-${id}`, {
      parameterName,
      stringValue,
      description,
      simpleName: false,
    });
  }
}

function allow(layer: lambda.ILayerVersion, accountId: string): void {
  const id = `Account${accountId}`;
  layer.addPermission(id, { accountId });
  // Functions of that account keep the version that a new one takes the place of, and load it whenever they scale out.
  const permission = layer.node.findChild(id);
  if (CfnResource.isCfnResource(permission)) {
    permission.applyRemovalPolicy(RemovalPolicy.RETAIN);
  }
}
