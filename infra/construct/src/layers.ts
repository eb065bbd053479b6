import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { RemovalPolicy, Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { ARCHITECTURES, Artifacts } from './artifacts';

/**
 * The release that this package belongs to.
 * @internal
 */
export const VERSION = (
  JSON.parse(readFileSync(path.join(__dirname, '..', 'package.json'), 'utf8')) as { version: string }
).version;

/** The version of parameters that follow each release of the stack that publishes them. */
const LATEST = 'latest';

/** Which of the layers that a stack has published. */
export interface PublishedLayersProps {
  /**
   * The release, as in `0.1.0`. With `latest` a function takes up each release with its next deployment, but nothing in its
   * template changes: the version behind an alias, SnapStart and provisioned concurrency stay with the layer they had.
   * @default - the release of this package
   */
  readonly version?: string;

  /**
   * The architectures that there are layers for.
   * @default - all that Lambda has
   */
  readonly architectures?: lambda.Architecture[];
}

/** ARNs of layer versions. */
export interface LayerArns {
  /**
   * The layer for `x86_64`.
   * @default - none
   */
  readonly x86?: string;

  /**
   * The layer for `arm64`.
   * @default - none
   */
  readonly arm64?: string;
}

/** Source of the layers. */
export abstract class ForwarderLayers {
  /**
   * New layers, of zips that were built.
   * @param artifacts by default the zips that the package brings along
   */
  public static fromArtifacts(artifacts?: Artifacts): ForwarderLayers {
    return new BuiltLayers(artifacts ?? Artifacts.fromDirectory());
  }

  /**
   * Layers that a stack of this project has published, by the names of its SSM parameters. They are looked up when the
   * stack is deployed, so that nothing ties the stacks together. Each release has a parameter of its own: an upgrade of this
   * package changes the name, and with it the functions, their versions and whatever points to them.
   */
  public static fromParameterStore(parameterPrefix: string, props: PublishedLayersProps = {}): ForwarderLayers {
    return new PublishedLayers(parameterPrefix, props);
  }

  /** Layers that were published once for all, by their ARNs. */
  public static fromArns(arns: LayerArns): ForwarderLayers {
    return new GivenLayers(arns);
  }

  /** The architectures that there are layers for. */
  public abstract readonly architectures: lambda.Architecture[];

  /** Way to get a layer that is missing. */
  public abstract readonly fix: string;

  /** A layer, found or made in `scope`; `undefined` if there is none for this architecture. */
  public abstract layer(
    scope: Construct,
    id: string,
    architecture: lambda.Architecture,
  ): lambda.ILayerVersion | undefined;

  /**
   * A new layer arrives without a change of the template: `currentVersion` of a function cannot see it.
   * @internal
   */
  public readonly _changesUnseen: boolean = false;
}

/** The name of the layer's zip, and of the file in it. */
const LAYER = 'telemetry-forwarder';

class BuiltLayers extends ForwarderLayers {
  constructor(private readonly artifacts: Artifacts) {
    super();
  }

  public get architectures(): lambda.Architecture[] {
    return this.artifacts.architectures(LAYER);
  }

  public get fix(): string {
    return `run \`make layer\`, which puts \`${LAYER}-<architecture>.zip\` into ${this.artifacts.place}`;
  }

  public layer(scope: Construct, id: string, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    const isThere = this.architectures.some(({ name }) => name === architecture.name);
    if (!isThere) {
      return undefined;
    }
    // The contents are in the name: a function's version is made of names, and would not change with what is behind one.
    const fingerprint = this.artifacts._fingerprint(LAYER, architecture);
    const childId = fingerprint === '' ? id : `${id}-${fingerprint}`;
    const there = scope.node.tryFindChild(childId) as lambda.LayerVersion | undefined;
    const code = there === undefined ? this.artifacts.code(scope, LAYER, architecture) : undefined;
    return code === undefined
      ? there
      : new lambda.LayerVersion(scope, childId, {
          code,
          compatibleArchitectures: [architecture],
          description: 'Sends logs, metrics and platform events to streams',
          license: 'MIT OR Apache-2.0',
          // Functions of other stacks, and a roll-back, may still name the version that a new one takes the place of.
          removalPolicy: RemovalPolicy.RETAIN,
        });
  }
}

class PublishedLayers extends ForwarderLayers {
  public readonly architectures: lambda.Architecture[];
  public readonly fix = 'deploy the stack that publishes the layers with that architecture, and name it here';
  /** @internal */
  public override readonly _changesUnseen: boolean;
  private readonly version: string;

  constructor(
    private readonly prefix: string,
    props: PublishedLayersProps,
  ) {
    super();
    this.architectures = props.architectures ?? [...ARCHITECTURES];
    this.version = props.version ?? VERSION;
    this._changesUnseen = this.version === LATEST || Token.isUnresolved(this.version);
  }

  public layer(scope: Construct, id: string, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    if (!this.architectures.some(({ name }) => name === architecture.name)) {
      return undefined;
    }
    const name = layerParameter(this.prefix, architecture, this.version === LATEST ? undefined : this.version);
    return imported(scope, id, () => ssm.StringParameter.valueForStringParameter(scope, name));
  }
}

class GivenLayers extends ForwarderLayers {
  public readonly fix = 'give its ARN to `ForwarderLayers.fromArns`';

  constructor(private readonly arns: LayerArns) {
    super();
  }

  public get architectures(): lambda.Architecture[] {
    return ARCHITECTURES.filter((architecture) => this.arnOf(architecture) !== undefined);
  }

  public layer(scope: Construct, id: string, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    const arn = this.arnOf(architecture);
    return arn === undefined ? undefined : imported(scope, id, () => arn);
  }

  private arnOf({ name }: lambda.Architecture): string | undefined {
    return name === lambda.Architecture.ARM_64.name ? this.arns.arm64 : this.arns.x86;
  }
}

function imported(scope: Construct, id: string, arn: () => string): lambda.ILayerVersion {
  const there = scope.node.tryFindChild(id) as unknown as lambda.ILayerVersion | undefined;
  return there ?? lambda.LayerVersion.fromLayerVersionAttributes(scope, id, { layerVersionArn: arn() });
}

/**
 * The SSM parameter that has the ARN of a layer: of a release, or of the latest one.
 * @internal
 */
export function layerParameter(prefix: string, architecture: lambda.Architecture, version?: string): string {
  return [`${prefix}/layer-arn/${architecture.name}`, ...(version === undefined ? [] : [version])].join('/');
}
