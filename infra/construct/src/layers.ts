import { existsSync } from 'node:fs';
import * as path from 'node:path';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';

/** Where `make layer` puts what it builds. */
export const DIST = path.join(__dirname, '..', '..', '..', 'dist');

/** The architectures that Lambda has. */
export const ARCHITECTURES: readonly lambda.Architecture[] = [lambda.Architecture.X86_64, lambda.Architecture.ARM_64];

/** Zip files that were built: layers and functions. They are named `<name>-<architecture>.zip`. */
export abstract class Artifacts {
  /** A folder on this machine; by default the one that `make layer` fills. */
  public static fromDirectory(directory: string = DIST): Artifacts {
    return new DirectoryArtifacts(path.resolve(directory));
  }

  /** A bucket that they were copied to. What is not there is found out when the stack is deployed. */
  public static fromBucket(
    bucketName: string,
    keyPrefix: string,
    architectures: readonly lambda.Architecture[] = ARCHITECTURES,
  ): Artifacts {
    return new BucketArtifacts(bucketName, keyPrefix, architectures);
  }

  /** The zip of this name, for a resource in `scope`; `undefined` if it was not built for this architecture. */
  public abstract code(scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined;

  /** The architectures that something was built for. */
  public abstract architectures(name: string): readonly lambda.Architecture[];

  /** Where they are, for people. */
  public abstract readonly place: string;
}

class DirectoryArtifacts extends Artifacts {
  constructor(public readonly place: string) {
    super();
  }

  public code(_scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined {
    const file = this.file(name, architecture);
    return existsSync(file) ? lambda.Code.fromAsset(file) : undefined;
  }

  public architectures(name: string): readonly lambda.Architecture[] {
    return ARCHITECTURES.filter((architecture) => existsSync(this.file(name, architecture)));
  }

  private file(name: string, architecture: lambda.Architecture): string {
    return path.join(this.place, `${name}-${architecture.name}.zip`);
  }
}

class BucketArtifacts extends Artifacts {
  public readonly place = 'the bucket';

  constructor(
    private readonly bucketName: string,
    private readonly keyPrefix: string,
    private readonly built: readonly lambda.Architecture[],
  ) {
    super();
  }

  public code(scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined {
    if (!this.built.some(({ name }) => name === architecture.name)) {
      return undefined;
    }
    const bucket = s3.Bucket.fromBucketName(scope, `Artifacts-${name}`, this.bucketName);
    return lambda.Code.fromBucketV2(bucket, `${this.keyPrefix}${name}-${architecture.name}.zip`);
  }

  public architectures(): readonly lambda.Architecture[] {
    return this.built;
  }
}

/** Where the layers come from. */
export abstract class ForwarderLayers {
  /** New layers, of zips that were built. */
  public static fromArtifacts(artifacts: Artifacts = Artifacts.fromDirectory()): ForwarderLayers {
    return new BuiltLayers(artifacts);
  }

  /**
   * Layers that a stack of this project has published, by the names of its SSM parameters. They are looked up when the
   * stack is deployed, so that nothing ties the stacks together.
   */
  public static fromParameterStore(
    parameterPrefix: string,
    architectures: readonly lambda.Architecture[] = ARCHITECTURES,
  ): ForwarderLayers {
    return new PublishedLayers(parameterPrefix, architectures);
  }

  /** A layer, made in `scope`; `undefined` if there is none for this architecture. */
  public abstract layer(
    scope: Construct,
    id: string,
    architecture: lambda.Architecture,
  ): lambda.ILayerVersion | undefined;

  /** The architectures that there are layers for. */
  public abstract readonly architectures: readonly lambda.Architecture[];

  /** How to come by a layer that is missing. */
  public abstract readonly mend: string;
}

/** The name of the layer's zip, and of the file in it. */
const LAYER = 'telemetry-forwarder';

class BuiltLayers extends ForwarderLayers {
  constructor(private readonly artifacts: Artifacts) {
    super();
  }

  public get architectures(): readonly lambda.Architecture[] {
    return this.artifacts.architectures(LAYER);
  }

  public get mend(): string {
    return `run \`make layer\`, which puts \`${LAYER}-<architecture>.zip\` into ${this.artifacts.place}`;
  }

  public layer(scope: Construct, id: string, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    const code = this.artifacts.code(scope, LAYER, architecture);
    return code === undefined
      ? undefined
      : new lambda.LayerVersion(scope, id, {
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
  public readonly mend = 'deploy the stack that publishes the layers with that architecture, and name it here';

  constructor(
    private readonly prefix: string,
    public readonly architectures: readonly lambda.Architecture[],
  ) {
    super();
  }

  public layer(scope: Construct, id: string, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    if (!this.architectures.some(({ name }) => name === architecture.name)) {
      return undefined;
    }
    const arn = ssm.StringParameter.valueForStringParameter(scope, layerParameter(this.prefix, architecture));
    return lambda.LayerVersion.fromLayerVersionAttributes(scope, id, { layerVersionArn: arn });
  }
}

/** The SSM parameter that has the ARN of a layer. */
export function layerParameter(prefix: string, architecture: lambda.Architecture): string {
  return `${prefix}/layer-arn/${architecture.name}`;
}
