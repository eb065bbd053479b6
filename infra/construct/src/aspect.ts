import { Annotations, Aspects, Stack, Stage } from 'aws-cdk-lib';
import type { IAspect } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import type { TelemetryForwarder } from './forwarder';
import { asFunction, isAtEdge, isAttached, isHelper, isPlainFunction, resourceOf } from './functions';
import { Readers } from './loops/readers';
import type { ForwarderOptions } from './options';
import { inWords } from './problems';

/** Chooses functions. */
export interface IFunctionFilter {
  /** Whether a function is one of them. */
  includes(fn: lambda.Function): boolean;
}

/** Which functions get the forwarder, and how. */
export interface AttachTelemetryForwarderProps {
  /**
   * Options for all of them.
   * @default - the forwarder's own
   */
  readonly options?: ForwarderOptions;

  /**
   * Which functions.
   * @default - all
   */
  readonly include?: IFunctionFilter;

  /**
   * Constructs that are left out with all that is below them.
   * @default - none
   */
  readonly exclude?: IConstruct[];

  /**
   * Whether functions get it, too, that the CDK makes for custom resources: they run while a stack is deployed.
   * @default false
   */
  readonly customResources?: boolean;
}

/** The walk over what the Aspect was added to. */
interface Walk {
  readonly scope: IConstruct;
  readonly readers: Readers;
  attached: number;
  functions: number;
  stack?: Stack;
}

/**
 * Puts the forwarder on every function of an app, a stack or a construct. Functions that have it already are left alone,
 * and so are those that cannot or must not have it: of Lambda@Edge, readers of the stream that would be written to, helpers
 * of custom resources, functions with too many layers or variables. Each of them is named. An App's Aspect does not reach
 * into a `Stage`: add it to each stage, too.
 *
 * @example
 * Aspects.of(app).add(new AttachTelemetryForwarder(forwarder), { priority: AspectPriority.MUTATING });
 */
export class AttachTelemetryForwarder implements IAspect {
  private readonly walks: Walk[] = [];

  constructor(
    private readonly forwarder: TelemetryForwarder,
    private readonly props: AttachTelemetryForwarderProps = {},
  ) {}

  /** Looks at one construct. The CDK calls this. */
  public visit(node: IConstruct): void {
    const walk = this.walkOf(node);
    if (Stack.isStack(node)) {
      walk.stack ??= node;
    }
    const fn = asFunction(node);
    if (fn !== undefined) {
      walk.functions += 1;
      this.visitFunction(fn, walk);
    } else if (isPlainFunction(node) && !isHelper(node) && !this.isExcluded(node)) {
      walk.functions += 1;
      Annotations.of(node).addWarningV2(
        'telemetry-forwarder:plainFunction',
        'This function is plain CloudFormation, which an Aspect cannot attach: it goes without the forwarder. docs/DEPLOY.md says ' +
          'what it needs.',
      );
    }
  }

  private visitFunction(fn: lambda.Function, walk: Walk): void {
    if (isAttached(fn)) {
      walk.attached += 1;
      return;
    }
    if (this.isExcluded(fn) || this.props.include?.includes(fn) === false) {
      return;
    }
    const { options } = this.props;
    const why = this.whyNot(fn);
    if (why !== undefined) {
      Annotations.of(fn).addInfo(`This function ${why}: it goes without the forwarder.`);
      return;
    }
    const { answer, by } = walk.readers.loop(resourceOf(fn), this.forwarder._streams(fn, options));
    if (answer === 'yes') {
      const path = by?.node.path ?? '';
      Annotations.of(fn).addInfo(
        `This function reads the stream that it would write to (by ${path}): it goes without the forwarder.`,
      );
      return;
    }
    const problems = this.forwarder._tryAttach(fn, options);
    if (problems.length > 0) {
      Annotations.of(fn).addWarningV2(
        'telemetry-forwarder:leftOut',
        `This function goes without the forwarder: ${problems.map(inWords).join(' ')}`,
      );
      return;
    }
    walk.attached += 1;
  }

  private whyNot(fn: lambda.Function): string | undefined {
    if (isAtEdge(fn)) {
      return 'runs at the edge, which takes no layers';
    }
    return this.props.customResources !== true && isHelper(fn) ? 'serves custom resources' : undefined;
  }

  private isExcluded(node: IConstruct): boolean {
    const excluded = this.props.exclude ?? [];
    return excluded.length > 0 && node.node.scopes.some((scope) => excluded.includes(scope));
  }

  /** The walk that a construct belongs to. It begins with what the Aspect was added to, the first that is visited. */
  private walkOf(node: IConstruct): Walk {
    const last = this.walks[this.walks.length - 1];
    const there =
      last !== undefined && isBelow(node, last.scope) ? last : this.walks.find(({ scope }) => isBelow(node, scope));
    if (there !== undefined) {
      return there;
    }
    const walk: Walk = { scope: node, readers: Readers.of(node), attached: 0, functions: 0 };
    this.walks.push(walk);
    node.node.addValidation({ validate: () => this.report(walk) });
    return walk;
  }

  /** Says what the Aspect did not reach. Warnings are shown for what is in a stack, and for nothing else. */
  private report({ scope, attached, functions, stack }: Walk): string[] {
    const unreached = scope.node
      .findAll()
      .filter((node) => node !== scope && Stage.isStage(node) && !Aspects.of(node).all.includes(this))
      .map(({ node }) => node.path);
    const hint =
      unreached.length === 0
        ? ''
        : `It does not reach into stages: add it to ${unreached.join(', ')}, each by \`Aspects.of(stage).add(…)\`.`;
    const at = stack ?? (scope.node.scopes.some((above) => Stack.isStack(above)) ? scope : undefined);
    if (at === undefined) {
      return unreached.length === 0 ? [] : [`AttachTelemetryForwarder: there is no stack in its reach. ${hint}`];
    }
    if (attached === 0) {
      const found = functions === 0 ? 'there is no function in its reach' : `none of ${functions} functions took it`;
      Annotations.of(at).addWarningV2(
        'telemetry-forwarder:attachedNothing',
        `AttachTelemetryForwarder attached nothing: ${found}. ${hint}`.trimEnd(),
      );
    } else if (hint !== '') {
      Annotations.of(at).addWarningV2('telemetry-forwarder:stages', `AttachTelemetryForwarder: ${hint}`);
    }
    return [];
  }
}

function isBelow(node: IConstruct, scope: IConstruct): boolean {
  return node === scope || scope.node.path === '' || node.node.path.startsWith(`${scope.node.path}/`);
}
