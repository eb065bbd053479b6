import type { Duration } from 'aws-cdk-lib';
import { RemovalPolicy } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import type { Artifacts } from '../construct/src/artifacts';
import { ForwarderOptionsError } from '../construct/src/problems';

/** Options of a function of this project. */
export interface FunctionOptions {
  /**
   * Its architecture.
   * @default Architecture.X86_64
   */
  readonly architecture?: lambda.Architecture;

  /**
   * Its memory in MB.
   * @default - see the function
   */
  readonly memorySize?: number;

  /**
   * Timeout.
   * @default - see the function
   */
  readonly timeout?: Duration;

  /**
   * Retention of its log group.
   * @default RetentionDays.ONE_WEEK
   */
  readonly logRetention?: logs.RetentionDays;
}

/** Parts of a function of this project. */
export interface ProvidedFunctionProps extends FunctionOptions {
  /** Its zip. */
  readonly artifacts: Artifacts;
  /** The zip's name, without its architecture. */
  readonly artifact: string;
  /** Description for the console. */
  readonly description: string;
  readonly memorySize: number;
  readonly timeout: Duration;
}

/**
 * A function written in Rust, of a zip that was built beforehand. Its log group is its own, with a retention; its role may
 * write there and nowhere else.
 */
export class ProvidedFunction extends Construct {
  public readonly function: lambda.Function;
  public readonly logGroup: logs.LogGroup;

  constructor(scope: Construct, id: string, props: ProvidedFunctionProps) {
    super(scope, id);
    const architecture = props.architecture ?? lambda.Architecture.X86_64;
    const code = props.artifacts.code(this, props.artifact, architecture);
    if (code === undefined) {
      const zip = `${props.artifact}-${architecture.name}.zip`;
      const fix = 'run `make layer`, or choose the other architecture';
      const wrong = `there is no ${zip} in ${props.artifacts.place}`;
      throw new ForwarderOptionsError(this.node.path, [{ option: 'architecture', wrong, fix }]);
    }
    this.logGroup = new logs.LogGroup(this, 'LogGroup', {
      retention: props.logRetention ?? logs.RetentionDays.ONE_WEEK,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com'),
      description: props.description,
    });
    this.logGroup.grantWrite(role);
    this.function = new lambda.Function(this, 'Function', {
      runtime: lambda.Runtime.PROVIDED_AL2023,
      handler: 'bootstrap',
      code,
      architecture,
      description: props.description,
      memorySize: props.memorySize,
      timeout: props.timeout,
      role,
      logGroup: this.logGroup,
      // On purpose: levels are then members of their own, by which routes, filters and queries choose.
      loggingFormat: lambda.LoggingFormat.JSON,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      systemLogLevelV2: lambda.SystemLogLevel.INFO,
    });
  }
}
