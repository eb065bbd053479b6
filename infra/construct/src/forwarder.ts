import { Annotations, Names, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import { readsStream } from './event-source';
import { ForwarderLayers } from './layers';
import type { ForwarderOptions } from './options';
import { ForwarderMetrics } from './options';
import type { Problem } from './problems';
import { ForwarderOptionsError, refuse } from './problems';
import type { NamedSink } from './settings';
import { toSettings, toVariables } from './settings';
import type { ForwarderSink } from './sink';
import { findProblems } from './validate';

/** The layers that a function may have. Lambda quotas. */
const MAX_LAYERS = 5;

/** The functions that have a forwarder. */
const ATTACHED = new WeakSet<lambda.Function>();

/** What a forwarder is made of. */
export interface TelemetryForwarderProps {
  /**
   * Where the layers come from.
   * @default - zips in the folder `dist`, where `make layer` puts them
   */
  readonly layers?: ForwarderLayers;

  /**
   * What functions get that are attached without options of their own. An option of `attach` takes the place of the one
   * here as a whole.
   * @default - none
   */
  readonly defaults?: ForwarderOptions;
}

/**
 * The telemetry forwarder: a layer for each architecture, and what functions need besides.
 *
 * @example
 * const forwarder = new TelemetryForwarder(this, 'Forwarder', {
 *   defaults: { sinks: { kinesis: ForwarderSink.kinesis({ stream }) } },
 * });
 * forwarder.attach(checkout);
 * forwarder.attach(search, { routes: 'function level>=error -> kinesis; * -> drop' });
 */
export class TelemetryForwarder extends Construct {
  /** Whether a function has a forwarder: this one or another, a function takes one. */
  public static isAttachedTo(fn: lambda.Function): boolean {
    return ATTACHED.has(fn);
  }

  /** Where the layers come from. */
  public readonly layers: ForwarderLayers;

  private readonly defaults: ForwarderOptions;

  constructor(scope: Construct, id: string, props: TelemetryForwarderProps = {}) {
    super(scope, id);
    this.layers = props.layers ?? ForwarderLayers.fromArtifacts();
    this.defaults = props.defaults ?? {};
  }

  /**
   * Puts the forwarder on a function: the layer of its architecture, the options as environment variables, and
   * permission to write to the sinks and nothing else. A role that was imported as immutable gets no permissions:
   * whoever owns it gives it the policy that the stack publishes.
   */
  public attach(fn: lambda.Function, options: ForwarderOptions = {}): void {
    const given = { ...this.defaults, ...options };
    const effective = { ...given, metrics: given.metrics ?? defaultMetrics(given) };
    const sinks = bindAll(fn, effective.sinks ?? {});
    const settings = toSettings(effective, sinks);
    const problems = [...this.checkFunction(fn), ...findProblems(effective, sinks, settings)];
    const layer = problems.length === 0 ? this.layerIn(fn) : undefined;
    refuse(fn, problems);
    if (layer === undefined) {
      throw this.noLayer(fn, fn.architecture);
    }
    ATTACHED.add(fn);
    fn.addLayers(layer);
    Object.entries(toVariables(settings)).forEach(([name, value]) => fn.addEnvironment(name, value));
    grantAll(fn, sinks);
    guardAgainstFeedback(fn, sinks);
    if (effective.cloudWatchLogs === false) {
      denyLogs(fn, effective);
    }
  }

  /** Lets a role or policy write to the forwarder's own sinks, and do nothing else: for functions of other apps. */
  public grantWrite(grantee: iam.IGrantable): iam.Grant[] {
    return Object.values(this.defaults.sinks ?? {}).flatMap((sink) => sink.grantWrite(grantee, this));
  }

  /** The ARNs of the streams that a function would write to. */
  public streamArns(fn: lambda.Function, options: ForwarderOptions = {}): string[] {
    const sinks = bindAll(fn, options.sinks ?? this.defaults.sinks ?? {});
    return sinks.flatMap(({ streamArn }) => streamArn ?? []);
  }

  /** The layer for an architecture, in the forwarder's own stack. */
  public layer(architecture: lambda.Architecture): lambda.ILayerVersion {
    const layer = this.findOrMakeLayer(this, architecture);
    if (layer === undefined) {
      throw this.noLayer(this, architecture);
    }
    return layer;
  }

  /**
   * The layer for a function, in the function's own stack: a layer of another stack would be an export, which
   * CloudFormation does not allow to change while it is in use, and each upgrade changes it.
   */
  private layerIn(fn: lambda.Function): lambda.ILayerVersion | undefined {
    const stack = Stack.of(fn);
    return this.findOrMakeLayer(stack === Stack.of(this) ? this : stack, fn.architecture);
  }

  private findOrMakeLayer(scope: Construct, architecture: lambda.Architecture): lambda.ILayerVersion | undefined {
    // Where the architecture is a parameter of the template, there is one layer.
    const layer = Token.isUnresolved(architecture.name) ? 'Layer' : `Layer-${architecture.name}`;
    const id = scope === this ? layer : `${Names.uniqueId(this)}-${layer}`;
    const there = scope.node.tryFindChild(id) as lambda.LayerVersion | undefined;
    return there ?? this.layers.layer(scope, id, architecture);
  }

  private noLayer(construct: Construct, architecture: lambda.Architecture): ForwarderOptionsError {
    const there = this.layers.architectures.map(({ name }) => name);
    const only = there.length === 0 ? 'there is none at all' : `there is one for ${there.join(' and ')}`;
    const wrong = `there is no layer for ${architecture.name} (${only})`;
    return new ForwarderOptionsError(construct.node.path, [{ option: 'architecture', wrong, mend: this.layers.mend }]);
  }

  private checkFunction(fn: lambda.Function): Problem[] {
    if (TelemetryForwarder.isAttachedTo(fn)) {
      const mend = 'attach it once; an Aspect leaves functions alone that have it';
      return [{ option: 'attach', wrong: 'the function has a forwarder already', mend }];
    }
    if (isImage(fn)) {
      const mend = 'copy the extension into the image instead, see docs/DEPLOY.md (container images)';
      return [{ option: 'attach', wrong: 'a function of a container image takes no layers', mend }];
    }
    if (isAtEdge(fn)) {
      const mend = 'leave it out: at the edge there is no Telemetry API either';
      return [{ option: 'attach', wrong: 'Lambda@Edge takes neither layers nor variables', mend }];
    }
    const layers = layerCount(fn);
    return layers < MAX_LAYERS
      ? []
      : [
          {
            option: 'layers',
            wrong: `the function has ${layers} layers, and Lambda allows ${MAX_LAYERS}`,
            mend: 'merge some',
          },
        ];
  }
}

/** Whether a function is made of a container image, which takes no layers. */
export function isImage(fn: lambda.Function): boolean {
  return fn.runtime === lambda.Runtime.FROM_IMAGE;
}

/** Whether CloudFront runs a function at its edge locations: its role says so. */
export function isAtEdge(fn: lambda.Function): boolean {
  const trust = fn.role instanceof iam.Role ? fn.role.assumeRolePolicy : undefined;
  return JSON.stringify(fn.stack.resolve(trust?.toJSON()) ?? {}).includes('edgelambda.amazonaws.com');
}

function layerCount(fn: lambda.Function): number {
  const resource = fn.node.defaultChild;
  const layers: unknown = resource instanceof lambda.CfnFunction ? fn.stack.resolve(resource.layers) : undefined;
  return Array.isArray(layers) ? layers.length : 0;
}

function defaultMetrics({ cloudWatchLogs }: ForwarderOptions): ForwarderMetrics {
  return cloudWatchLogs === false ? ForwarderMetrics.OFF : ForwarderMetrics.EMF;
}

function bindAll(scope: Construct, sinks: Record<string, ForwarderSink>): NamedSink[] {
  return Object.entries(sinks).map(([name, sink]) => ({ name, type: sink.type, ...sink.bind(scope) }));
}

function grantAll(fn: lambda.Function, sinks: readonly NamedSink[]): void {
  for (const { action, resourceArn } of sinks.flatMap(({ grants }) => grants)) {
    iam.Grant.addToPrincipal({ grantee: fn, actions: [action], resourceArns: [resourceArn] }).assertSuccess();
  }
}

/** A function that reads the stream that it writes to would be invoked by its own logs, for ever. */
function guardAgainstFeedback(fn: lambda.Function, sinks: readonly NamedSink[]): void {
  fn.node.addValidation({
    validate: () =>
      sinks
        .filter(({ streamArn }) => streamArn !== undefined && readsStream(fn, streamArn))
        .map(
          ({ name }) =>
            `sinks.${name}: the function reads this stream: its own logs would invoke it for ever; ` +
            'leave the forwarder off this function, or write to another stream',
        ),
  });
}

function denyLogs(fn: lambda.Function, options: ForwarderOptions): void {
  fn.addToRolePolicy(
    new iam.PolicyStatement({
      sid: 'NoCloudWatchLogs',
      effect: iam.Effect.DENY,
      actions: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      resources: ['*'],
    }),
  );
  const metrics =
    options.metrics === ForwarderMetrics.EMF
      ? 'its counters (metrics is EMF, which goes through the log group: the alarms on dropped and spooled events see nothing)'
      : 'its counters as CloudWatch metrics, and with them the alarms on dropped and spooled events';
  Annotations.of(fn).addWarningV2(
    'telemetry-forwarder:noCloudWatchLogs',
    'cloudWatchLogs is false: with the log group vanish the forwarder’s own messages (mistakes in its configuration, events it had to drop), ' +
      `${metrics}, Lambda Insights, Live Tail, metric filters and subscriptions. Whatever no route forwards is nowhere.`,
  );
}
