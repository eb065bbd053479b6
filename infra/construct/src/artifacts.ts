import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Token } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

/** The zips that the package brings along. */
const PACKAGED = path.join(__dirname, '..', 'layers');

/** Where `make layer` puts what it builds, for those who use the sources. */
const BUILT = path.join(__dirname, '..', '..', '..', 'dist');

/**
 * The architectures that Lambda has.
 * @internal
 */
export const ARCHITECTURES: readonly lambda.Architecture[] = [lambda.Architecture.X86_64, lambda.Architecture.ARM_64];

/** Zip files that were built: layers and functions. They are named `<name>-<architecture>.zip`. */
export abstract class Artifacts {
  /**
   * A folder on this machine.
   * @param directory by default the zips that the package brings along; in a source tree what `make layer` built
   */
  public static fromDirectory(directory?: string): Artifacts {
    return new DirectoryArtifacts(path.resolve(directory ?? (existsSync(PACKAGED) ? PACKAGED : BUILT)));
  }

  /**
   * A bucket that they were copied to. What is not there is found out when the stack is deployed.
   * @param architectures by default all that Lambda has
   */
  public static fromBucket(bucketName: string, keyPrefix: string, architectures?: lambda.Architecture[]): Artifacts {
    return new BucketArtifacts(bucketName, keyPrefix, architectures ?? [...ARCHITECTURES]);
  }

  /** Their place, for people. */
  public abstract readonly place: string;

  /** The zip of this name, for a resource in `scope`; `undefined` if it was not built for this architecture. */
  public abstract code(scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined;

  /** The architectures that something was built for. */
  public abstract architectures(name: string): lambda.Architecture[];

  /**
   * Fingerprint that changes with the contents; empty where they are out of sight.
   * @internal
   */
  public abstract _fingerprint(name: string, architecture: lambda.Architecture): string;
}

class DirectoryArtifacts extends Artifacts {
  private readonly fingerprints = new Map<string, string>();

  constructor(public readonly place: string) {
    super();
  }

  public code(_scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined {
    const file = this.file(name, architecture);
    return existsSync(file) ? lambda.Code.fromAsset(file) : undefined;
  }

  public architectures(name: string): lambda.Architecture[] {
    return ARCHITECTURES.filter((architecture) => existsSync(this.file(name, architecture)));
  }

  /** @internal */
  public _fingerprint(name: string, architecture: lambda.Architecture): string {
    const file = this.file(name, architecture);
    const found = this.fingerprints.get(file) ?? digest(readFileSync(file));
    this.fingerprints.set(file, found);
    return found;
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
    private readonly built: lambda.Architecture[],
  ) {
    super();
  }

  public code(scope: Construct, name: string, architecture: lambda.Architecture): lambda.Code | undefined {
    if (!this.built.some(({ name }) => name === architecture.name)) {
      return undefined;
    }
    // One for all architectures, and for all forwarders in the scope.
    const id = `Artifacts-${name}`;
    const there = scope.node.tryFindChild(id) as s3.IBucket | undefined;
    const bucket = there ?? s3.Bucket.fromBucketName(scope, id, this.bucketName);
    return lambda.Code.fromBucketV2(bucket, this.key(name, architecture));
  }

  public architectures(): lambda.Architecture[] {
    return this.built;
  }

  /** @internal */
  public _fingerprint(name: string, architecture: lambda.Architecture): string {
    const key = `${this.bucketName}/${this.key(name, architecture)}`;
    return Token.isUnresolved(key) ? '' : digest(key);
  }

  private key(name: string, architecture: lambda.Architecture): string {
    return `${this.keyPrefix}${name}-${architecture.name}.zip`;
  }
}

/** Enough of a digest to tell one build from another. */
function digest(contents: string | Buffer): string {
  return createHash('sha256').update(contents).digest('hex').slice(0, 8);
}
