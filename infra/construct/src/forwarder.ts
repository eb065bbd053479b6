import { Annotations, Names, Stack, Token } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { Construct } from 'constructs';
import type { SinkGrant } from './bound-sink';
import { asFunction, isAtEdge, isAttached, isImage, layerCount, markAttached, variablesOf } from './functions';
import { ForwarderLayers } from './layers';
import { identify } from './loops/identity';
import type { WrittenStream } from './loops/readers';
import type { ForwarderOptions } from './options';
import { denyLogs, grantAll } from './permissions';
import type { Problem } from './problems';
import { ForwarderOptionsError, refuse } from './problems';
import { remoteGrants, remoteVariables } from './remote';
import type { NamedSink } from './settings';
import { toSettings, toVariables } from './settings';
import type { ForwarderSink } from './sink';
import { tagVariables } from './tags';
import { findProblems } from './validate';
import { bytesOf, checkVariables, MAX_VARIABLES_BYTES } from './variables';
import { watch } from './watch';

/** The layers that a function may have. Lambda quotas. */
const MAX_LAYERS = 5;

/** The options of functions that have none of their own: one object, so that they are prepared once. */
const NONE: ForwarderOptions = {};

/** Parts of a forwarder. */
export interface TelemetryForwarderProps {
  /**
   * Source of the layers.
   * @default - the zips that the package brings along
   */
  readonly layers?: ForwarderLayers;

  /**
   * Options of functions that are attached without options of their own. An option of `attach` takes the place of the one
   * here as a whole.
   * @default - none
   */
  readonly defaults?: ForwarderOptions;
}

/** Options as the functions of one stack need them. */
interface Prepared {
  /** Those of the forwarder, and over them those given for the function. */
  readonly options: ForwarderOptions;
  readonly sinks: readonly NamedSink[];
  readonly problems: readonly Problem[];
  readonly variables: Readonly<Record<string, string>>;
  /** All that a function must be allowed to do. */
  readonly grants: readonly SinkGrant[];
  /** The names of those variables that options of the function itself ask for. */
  readonly own: ReadonlySet<string>;
  readonly deniesLogs: boolean;
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
  /** True if a function has a forwarder: this one or another, a function takes one. */
  public static isAttachedTo(fn: lambda.Function): boolean {
    return isAttached(fn);
  }

  /** Source of the layers. */
  public readonly layers: ForwarderLayers;

  private readonly defaults: ForwarderOptions;
  private readonly prepared = new WeakMap<ForwarderOptions, WeakMap<Stack, Prepared>>();

  constructor(scope: Construct, id: string, props: TelemetryForwarderProps = {}) {
    super(scope, id);
    this.layers = props.layers ?? ForwarderLayers.fromArtifacts();
    this.defaults = props.defaults ?? {};
  }

  /**
   * Puts the forwarder on a function: the layer of its architecture, the options as environment variables, and
   * permission to write to the sinks and nothing else. Variables that the function sets itself stay. A container image gets
   * all but the layer, which is copied into the image. A role that cannot be changed from here gets nothing: a warning says
   * which statements its owner must add.
   */
  public attach(fn: lambda.Function, options?: ForwarderOptions): void {
    refuse(fn, this._tryAttach(fn, options));
  }

  /** Lets a role or policy write to the forwarder's own sinks, and do nothing else: for functions of other apps. */
  public grantWrite(grantee: iam.IGrantable): iam.Grant[] {
    return Object.values(this.defaults.sinks ?? {}).flatMap((sink) => sink.grantWrite(grantee, this));
  }

  /** The ARNs of the streams that a function would write to. */
  public streamArns(fn: lambda.Function, options?: ForwarderOptions): string[] {
    return this.prepare(Stack.of(fn), options ?? NONE).sinks.flatMap(({ streamArn }) => streamArn ?? []);
  }

  /** The layer for an architecture, in the forwarder's own stack. */
  public layer(architecture: lambda.Architecture): lambda.ILayerVersion {
    const layer = this.findOrMakeLayer(this, architecture);
    if (layer === undefined) {
      throw new ForwarderOptionsError(this.node.path, [this.noLayer(architecture)]);
    }
    return layer;
  }

  /**
   * Attaches a function, or returns what it is about the function that prevents it. Wrong options are everybody's problem:
   * these are thrown.
   * @internal
   */
  public _tryAttach(fn: lambda.Function, options: ForwarderOptions = NONE): Problem[] {
    const prepared = this.prepare(Stack.of(fn), options);
    const cannot = checkFunction(fn);
    refuse(fn, prepared.problems.length === 0 ? [] : [...cannot, ...prepared.problems]);
    const theirs = variablesOf(fn);
    const problems = [
      ...cannot,
      ...checkVariables(theirs),
      ...contradictions(fn, theirs, prepared),
      ...tooLong({ ...prepared.variables, ...theirs }),
    ];
    const layer = problems.length > 0 || isImage(fn) ? undefined : this.layerIn(fn);
    if (layer === undefined && problems.length === 0 && !isImage(fn)) {
      problems.push(this.noLayer(fn.architecture));
    }
    if (problems.length > 0) {
      return problems;
    }
    markAttached(fn);
    if (layer === undefined) {
      Annotations.of(fn).addInfo(
        'This function is a container image, which takes no layers: copy the extension into the image, see docs/DEPLOY.md.',
      );
    } else {
      fn.addLayers(layer);
    }
    const variables = { ...prepared.variables, ...tagVariables(fn, prepared.options) };
    for (const [name, value] of Object.entries(variables)) {
      if (!(name in theirs)) {
        fn.addEnvironment(name, value);
      }
    }
    grantAll(fn, prepared.grants, prepared.sinks);
    if (prepared.deniesLogs) {
      denyLogs(fn);
    }
    watch(fn, {
      streams: writtenStreams(fn, prepared.sinks),
      changesUnseen: layer !== undefined && this.layers._changesUnseen,
    });
    return [];
  }

  /**
   * The streams that a function would write to, by what they are.
   * @internal
   */
  public _streams(fn: lambda.Function, options: ForwarderOptions = NONE): WrittenStream[] {
    return writtenStreams(fn, this.prepare(Stack.of(fn), options).sinks);
  }

  /** Checks and translates options once for all functions of a stack that have them. */
  private prepare(stack: Stack, options: ForwarderOptions): Prepared {
    const stacks = this.prepared.get(options) ?? new WeakMap<Stack, Prepared>();
    this.prepared.set(options, stacks);
    const there = stacks.get(stack);
    if (there !== undefined) {
      return there;
    }
    const effective = { ...this.defaults, ...options };
    const sinks = bindAll(stack, effective.sinks ?? {});
    const settings = toSettings(effective, sinks);
    const variables = { ...toVariables(settings), ...remoteVariables(effective) };
    const ofFunction = toVariables(toSettings(options, bindAll(stack, options.sinks ?? {})));
    const prepared: Prepared = {
      options: effective,
      sinks,
      variables,
      problems: findProblems(effective, sinks, settings),
      grants: [...sinks.flatMap(({ grants }) => grants), ...remoteGrants(effective)],
      own: new Set(Object.keys({ ...ofFunction, ...remoteVariables(options) })),
      deniesLogs: effective.cloudWatchLogs === false,
    };
    stacks.set(stack, prepared);
    return prepared;
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
    return this.layers.layer(scope, id, architecture);
  }

  private noLayer(architecture: lambda.Architecture): Problem {
    const there = this.layers.architectures.map(({ name }) => name);
    const only = there.length === 0 ? 'there is none at all' : `there is one for ${there.join(' and ')}`;
    const wrong = `there is no layer for ${architecture.name} (${only})`;
    return { option: 'architecture', wrong, fix: this.layers.fix };
  }
}

function checkFunction(fn: lambda.Function): Problem[] {
  if (asFunction(fn) === undefined) {
    return [{ option: 'attach', wrong: 'this is no `Function`', fix: 'give one that this app makes' }];
  }
  if (isAttached(fn)) {
    const fix = 'attach it once; an Aspect leaves functions alone that have it';
    return [{ option: 'attach', wrong: 'the function has a forwarder already', fix }];
  }
  if (isAtEdge(fn)) {
    const fix = 'leave it out: at the edge there is no Telemetry API either';
    return [{ option: 'attach', wrong: 'Lambda@Edge takes neither layers nor variables', fix }];
  }
  const layers = isImage(fn) ? 0 : layerCount(fn);
  const wrong = `the function has ${layers} layers, and Lambda allows ${MAX_LAYERS}`;
  return layers < MAX_LAYERS ? [] : [{ option: 'layers', wrong, fix: 'merge some' }];
}

/** A variable of the function that says otherwise than the options that were given for this very function. */
function contradictions(
  { stack }: lambda.Function,
  theirs: Readonly<Record<string, unknown>>,
  { variables, own }: Prepared,
): Problem[] {
  const isSame = (name: string, value: unknown): boolean =>
    JSON.stringify(value) === JSON.stringify(stack.resolve(variables[name]));
  return Object.entries(theirs)
    .filter(([name, value]) => own.has(name) && !isSame(name, value))
    .map(([name, value]) => ({
      option: name,
      wrong: `the function sets it itself, to ${JSON.stringify(value)}`,
      fix: 'leave it out there, or the option here',
    }));
}

function tooLong(variables: Readonly<Record<string, unknown>>): Problem[] {
  const bytes = bytesOf(variables);
  const wrong = `the variables take ${bytes} bytes, and Lambda allows ${MAX_VARIABLES_BYTES} for all of a function`;
  const fix = 'put options into a `telemetry-forwarder.toml` in the function’s package, see docs/CONTRACT.md';
  return bytes <= MAX_VARIABLES_BYTES ? [] : [{ option: 'variables', wrong, fix }];
}

function bindAll(stack: Stack, sinks: Readonly<Record<string, ForwarderSink>>): NamedSink[] {
  return Object.entries(sinks).map(([name, sink]) => ({ name, type: sink.type, ...sink._bind(stack) }));
}

function writtenStreams(fn: lambda.Function, sinks: readonly NamedSink[]): WrittenStream[] {
  return sinks.flatMap(({ type, streamArn }) =>
    streamArn === undefined || (type !== 'kinesis' && type !== 'firehose')
      ? []
      : [{ service: type, identity: identify(streamArn, fn) }],
  );
}
