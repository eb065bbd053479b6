/** Permissions that functions get, and those that only somebody else can give: these are reported as a statement to add. */

import { Annotations, Aws, Stack, Token } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import type { SinkGrant } from './bound-sink';
import { cfnResource, resourceOf } from './functions';
import type { Identity } from './loops/identity';
import { identify, isSame } from './loops/identity';
import type { NamedSink } from './settings';

/** Allows a function what it needs, and nothing else; says what only the owners of its streams can allow. */
export function grantAll(fn: lambda.Function, grants: readonly SinkGrant[], sinks: readonly NamedSink[]): void {
  for (const { action, resourceArn } of grants) {
    iam.Grant.addToPrincipal({ grantee: fn, actions: [action], resourceArns: [resourceArn] }).assertSuccess();
  }
  if (grants.length > 0 && !takesPolicies(fn.role)) {
    const statements = grants.map(({ action, resourceArn }) => statement('Allow', [action], [resourceArn]));
    warnOfRole(fn, 'nothing was granted', statements);
  }
  sinks.forEach((sink) => {
    reportOtherAccount(fn, sink);
  });
}

/** What lets a function write logs. */
const LOG_ACTIONS = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'];

/** The log group that a function is denied, or `ALL` of them. */
const DENIED = Symbol.for('telemetry-forwarder.deniedLogs');
const ALL = 'all';

const OWN = 'give the function a role of its own, a `logGroup` or a `functionName`';

/**
 * Denies a function its logs. A role may have several functions: where the log group is known, the denial is about that
 * group; where it is not, `sharesDenial` must find no other function with the role.
 */
export function denyLogs(fn: lambda.Function): void {
  const group = logGroupOf(fn);
  const resources = group === undefined ? ['*'] : logGroupArns(fn, group);
  const isOurs = fn.role === undefined || cfnResource(fn.role.node.defaultChild, 'AWS::IAM::Role') !== undefined;
  if (group === undefined && !isOurs) {
    Annotations.of(fn).addWarningV2(
      'telemetry-forwarder:foreignRole',
      'cloudWatchLogs is false, and nothing was denied: its logs go to CloudWatch as before. The role is not made here, and ' +
        `its other functions would be silenced too; ${OWN}.`,
    );
    return;
  }
  fn.addToRolePolicy(new iam.PolicyStatement({ effect: iam.Effect.DENY, actions: LOG_ACTIONS, resources }));
  if (!takesPolicies(fn.role)) {
    const what = 'nothing was denied: its logs go to CloudWatch as before';
    warnOfRole(fn, what, [statement('Deny', LOG_ACTIONS, resources)]);
    return;
  }
  Object.defineProperty(fn, DENIED, { value: group === undefined ? ALL : identify(group, fn) });
  Annotations.of(fn).addWarningV2(
    'telemetry-forwarder:noCloudWatchLogs',
    'cloudWatchLogs is false: with the log group vanish the forwarder’s own messages (mistakes in its configuration, events it had to drop), ' +
      'its counters as CloudWatch metrics, and with them the alarms on dropped and spooled events, ' +
      'Lambda Insights, Live Tail, metric filters and subscriptions. Whatever no route forwards is nowhere.',
  );
}

/** Names the functions of the app that would be silenced along with this one. */
export function sharesDenial(fn: lambda.Function, all: () => readonly lambda.Function[]): string[] {
  const denied = (fn as unknown as Record<symbol, Identity | typeof ALL | undefined>)[DENIED];
  if (denied === undefined) {
    return [];
  }
  const role = identify(resourceOf(fn).role, fn);
  const isSilenced = (other: lambda.Function): boolean => {
    const group = logGroupOf(other);
    return denied === ALL || (group !== undefined && isSame(identify(group, other), denied) === 'yes');
  };
  const silenced = all().filter(
    (other) =>
      other !== fn &&
      !(DENIED in other) &&
      isSilenced(other) &&
      isSame(identify(resourceOf(other).role, other), role) === 'yes',
  );
  const paths = silenced.map(({ node }) => node.path).join(', ');
  return paths === '' ? [] : [`cloudWatchLogs: the role is shared with ${paths}, which would be silenced too; ${OWN}`];
}

/** The log group of a function, if it is known: by the group that it was given, or by its own name. */
function logGroupOf(fn: lambda.Function): string | undefined {
  const { loggingConfig, functionName } = resourceOf(fn);
  const { logGroup } = (loggingConfig ?? {}) as { logGroup?: string };
  const byName = functionName === undefined || Token.isUnresolved(functionName) ? undefined : functionName;
  return logGroup ?? (byName === undefined ? undefined : `/aws/lambda/${byName}`);
}

function logGroupArns({ stack }: lambda.Function, group: string): string[] {
  const arn = `arn:${Aws.PARTITION}:logs:${stack.region}:${stack.account}:log-group:${group}`;
  return [arn, `${arn}:*`];
}

/** A role takes policies if one has arrived: an immutable role accepts all that it is given, and keeps none of it. */
function takesPolicies(role: iam.IRole | undefined): boolean {
  return (
    role === undefined ||
    role.node
      .findAll()
      .some((node) => ['AWS::IAM::Policy', 'AWS::IAM::RolePolicy'].some((type) => cfnResource(node, type)))
  );
}

function warnOfRole(fn: lambda.Function, what: string, statements: readonly object[]): void {
  Annotations.of(fn).addWarningV2(
    'telemetry-forwarder:immutableRole',
    `The role cannot be changed from here, and ${what}. Its owner must add: ${asText(fn, statements)}`,
  );
}

/** A stream of another account needs a policy of its own, which only that account can write. Said once a stack. */
function reportOtherAccount(fn: lambda.Function, sink: NamedSink): void {
  const stack = Stack.of(fn);
  const arn = sink.streamArn;
  const account = arn === undefined || Token.isUnresolved(arn) ? undefined : arn.split(':')[4];
  if (
    arn === undefined ||
    account === undefined ||
    account === stack.account ||
    sink.settings['assume_role'] !== undefined
  ) {
    return;
  }
  const principal = { AWS: `arn:${Aws.PARTITION}:iam::${stack.account}:root` };
  const statements = sink.grants.map(({ action, resourceArn }) => ({
    ...statement('Allow', [action], [resourceArn]),
    Principal: principal,
  }));
  const told = Token.isUnresolved(stack.account) ? 'unless this stack is deployed to the same account' : 'another one';
  const message =
    `sinks.${sink.name}: the stream belongs to account ${account}, ${told}: the policies of the stream and of its key ` +
    `must have: ${asText(fn, statements)}`;
  if (!stack.node.metadata.some(({ data }) => data === message)) {
    Annotations.of(stack).addInfo(message);
  }
}

function statement(effect: 'Allow' | 'Deny', actions: string[], resources: string[]): object {
  return { Effect: effect, Action: actions, Resource: resources };
}

/** Statements as JSON for people: pseudo parameters as in `Fn::Sub`. */
function asText(scope: IConstruct, statements: readonly object[]): string {
  return JSON.stringify(readable(Stack.of(scope).resolve(statements)));
}

function readable(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.map(readable);
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  const { 'Fn::Join': join, Ref: ref, 'Fn::GetAtt': attribute } = value as Record<string, unknown>;
  if (Array.isArray(join)) {
    return (join[1] as unknown[]).map(readable).join(String(join[0]));
  }
  if (typeof ref === 'string') {
    return `\${${ref}}`;
  }
  if (Array.isArray(attribute)) {
    return `\${${attribute.join('.')}}`;
  }
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, readable(member)]));
}
