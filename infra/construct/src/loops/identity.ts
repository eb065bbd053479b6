/**
 * Identities of streams and functions behind the many ways to write them down: a reference, a name, an ARN, the ARN of a
 * consumer, a version or an alias, a parameter of Systems Manager.
 */

import type { IPostProcessor, IResolvable, IResolveContext } from 'aws-cdk-lib';
import {
  CfnElement,
  CfnResource,
  DefaultTokenResolver,
  Reference,
  Stack,
  StringConcat,
  Token,
  Tokenization,
} from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** What a value stands for, as far as the synthesis knows. */
export type Identity =
  /** A resource of this app. */
  | { readonly kind: 'resource'; readonly resource: IConstruct; readonly name?: string }
  /** A name that was written out, with account and region where they were, too. */
  | { readonly kind: 'name'; readonly name: string; readonly account?: string; readonly region?: string }
  /** A parameter of Systems Manager, read at deployment. */
  | { readonly kind: 'parameter'; readonly parameter: string }
  /** Anything else: equal texts are the same, others may be. */
  | { readonly kind: 'text'; readonly text: string };

/** An answer that may be out of reach. */
export type Answer = 'yes' | 'no' | 'unknown';

/** Resources that stand for another one, and the property that says which. */
const STANDS_FOR: Readonly<Record<string, string>> = {
  'AWS::Lambda::Version': 'functionName',
  'AWS::Lambda::Alias': 'functionName',
  'AWS::Kinesis::StreamConsumer': 'streamArn',
};

/** The properties by which the author of a resource names it. */
const NAMES = ['name', 'functionName', 'deliveryStreamName', 'logGroupName', 'roleName'];

/** The part of an ARN that names a stream or a function. */
const IN_ARN = /^arn:[^:]*:[\w-]+:([^:]*):([^:]*):(?:stream\/|deliverystream\/|function:)(\{\{.*?\}\}|[^/:]+)/;

/** The same within an expression, where an ARN is taken apart again. */
const IN_EXPRESSION = /:(?:stream\/|deliverystream\/|function:)([\w.-]+)/;

/** A dynamic reference to a parameter. */
const DYNAMIC = /^\{\{resolve:ssm:([^:}]+)(?::\d+)?\}\}$/;

/** A token within a text, by its number. These brackets occur in no name. */
const PLACEHOLDER = /^⟦(\d+)⟧$/;

/** Follows a value of a construct to what it stands for. */
export function identify(value: unknown, scope: IConstruct): Identity {
  if (typeof value !== 'string') {
    return Tokenization.isResolvable(value) ? ofToken(value, scope) : { kind: 'text', text: JSON.stringify(value) };
  }
  const tokens: IResolvable[] = [];
  const text = Tokenization.reverseString(value)
    .mapTokens({ mapToken: (token) => `⟦${tokens.push(token) - 1}⟧` })
    .join({ join: (left: string | undefined, right: string | undefined) => `${left ?? ''}${right ?? ''}` }) as string;
  const [, region, account, inArn] = IN_ARN.exec(text) ?? [];
  // A function may be followed by the name of an alias.
  const named = inArn ?? text.replace(/^([^:{]+):[\w$-]+$/, '$1');
  const token = tokens[Number(PLACEHOLDER.exec(named)?.[1] ?? -1)];
  if (token !== undefined) {
    return ofToken(token, scope);
  }
  const parameter = DYNAMIC.exec(named)?.[1];
  if (parameter !== undefined) {
    return { kind: 'parameter', parameter };
  }
  if (named.includes('⟦')) {
    return unknown(value, scope);
  }
  return {
    kind: 'name',
    name: named,
    ...(account === undefined || account.includes('⟦') ? {} : { account }),
    ...(region === undefined || region.includes('⟦') ? {} : { region }),
  };
}

/** Compares two identities of the same kind of thing. */
export function isSame(one: Identity, other: Identity): Answer {
  if (one.kind === 'resource' && other.kind === 'resource' && one.resource === other.resource) {
    return 'yes';
  }
  const names = [nameOf(one), nameOf(other)];
  if (names[0] !== undefined && names[1] !== undefined) {
    return names[0] === names[1] && !differ(one, other) ? 'yes' : 'no';
  }
  if (one.kind === 'parameter' && other.kind === 'parameter' && pairOf(one.parameter) === pairOf(other.parameter)) {
    return 'yes';
  }
  if (one.kind === 'text' && other.kind === 'text' && one.text === other.text) {
    return 'yes';
  }
  // What this app makes is named neither by a text that was there before, nor by a parameter that others have filled.
  return one.kind === 'resource' || other.kind === 'resource' ? 'no' : 'unknown';
}

/** The value of a property, as it was given: resolved it would have lost what it refers to. */
export function propertyOf(resource: CfnResource, name: string): unknown {
  const given = (resource as unknown as { cfnProperties: Record<string, unknown> }).cfnProperties;
  return given[name] ?? given[name.charAt(0).toUpperCase() + name.slice(1)];
}

function ofToken(token: IResolvable, scope: IConstruct): Identity {
  if (!Reference.isReference(token)) {
    return unknown(token, scope);
  }
  const { target } = token;
  if (isParameter(target)) {
    return target.type.startsWith('AWS::SSM::Parameter::') && !Token.isUnresolved(target.default)
      ? { kind: 'parameter', parameter: String(target.default) }
      : unknown(token, scope);
  }
  if (CfnResource.isCfnResource(target)) {
    const standsFor = STANDS_FOR[target.cfnResourceType];
    if (standsFor !== undefined) {
      return identify(propertyOf(target, standsFor), target);
    }
    if (target.cfnResourceType === 'AWS::SSM::Parameter') {
      return identify(propertyOf(target, 'value'), target);
    }
    const name = NAMES.map((property) => propertyOf(target, property)).find((found) => found !== undefined);
    const isLiteral = typeof name === 'string' && !Token.isUnresolved(name);
    return { kind: 'resource', resource: target, ...(isLiteral ? { name } : {}) };
  }
  return unknown(token, scope);
}

/** A parameter of a template. */
function isParameter(construct: IConstruct): construct is CfnElement & { type: string; default: unknown } {
  return CfnElement.isCfnElement(construct) && !CfnResource.isCfnResource(construct) && 'type' in construct;
}

/** An expression of CloudFormation stands for the one resource or parameter that it is made of, if it is one. */
function unknown(value: unknown, scope: IConstruct): Identity {
  const collector = new ReferenceCollector();
  Tokenization.resolve(value, { scope, resolver: collector, preparing: false });
  const [only, ...more] = collector.references;
  if (only !== undefined && more.length === 0 && only !== value) {
    return ofToken(only, scope);
  }
  const resolved: unknown = Stack.of(scope).resolve(value);
  if (typeof resolved === 'string' && resolved !== value) {
    return identify(resolved, scope);
  }
  const text = JSON.stringify(resolved);
  const name = only === undefined ? IN_EXPRESSION.exec(text)?.[1] : undefined;
  return name === undefined ? { kind: 'text', text } : { kind: 'name', name };
}

/** Collects what an expression refers to, but for pseudo parameters, instead of writing it as CloudFormation would. */
class ReferenceCollector extends DefaultTokenResolver {
  public readonly references: Reference[] = [];

  constructor() {
    super(new StringConcat());
  }

  public override resolveToken(token: IResolvable, context: IResolveContext, processor: IPostProcessor): unknown {
    if (!Reference.isReference(token)) {
      return super.resolveToken(token, context, processor);
    }
    if (CfnElement.isCfnElement(token.target)) {
      this.references.push(token);
    }
    return token.displayName;
  }
}

function nameOf(identity: Identity): string | undefined {
  return identity.kind === 'name' || identity.kind === 'resource' ? identity.name : undefined;
}

/** Written out and different: where only one says it, the other means its own account and region. */
function differ(one: Identity, other: Identity): boolean {
  return (
    one.kind === 'name' &&
    other.kind === 'name' &&
    [
      [one.account, other.account],
      [one.region, other.region],
    ].some(([left, right]) => left !== undefined && right !== undefined && left !== right)
  );
}

/** The stack publishes name and ARN of its stream side by side: two parameters, one stream. */
function pairOf(parameter: string): string {
  return parameter.replace(/\/stream-(name|arn)$/, '/stream');
}
