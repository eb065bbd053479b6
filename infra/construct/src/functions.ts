/**
 * Facts about functions, read from resource types and properties. Never by `instanceof`: an app may have two copies of
 * aws-cdk-lib, and a class of one knows no object of the other.
 */

import { CfnResource, Resource, Stack } from 'aws-cdk-lib';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';

/** CloudFormation's type of a function. */
export const FUNCTION = 'AWS::Lambda::Function';

/** Constructs of the CDK whose functions serve a deployment, by the beginning of their full names. */
const HELPERS = ['aws-cdk-lib.custom_resources.', 'aws-cdk-lib.aws_eks', 'aws-cdk-lib.aws_s3_deployment.'];

/** The id of what a `SingletonFunction` makes beside itself: its purpose and a UUID without hyphens. */
const SINGLETON = /[0-9a-f]{32}$/i;

/** The resource, if the construct is one of this type. */
export function cfnResource(construct: IConstruct | undefined, type: string): CfnResource | undefined {
  return construct !== undefined && CfnResource.isCfnResource(construct) && construct.cfnResourceType === type
    ? construct
    : undefined;
}

/** The function, if the construct is a `Function` of any copy of the CDK. */
export function asFunction(construct: IConstruct | undefined): lambda.Function | undefined {
  return construct !== undefined &&
    Resource.isResource(construct) &&
    cfnResource(construct.node.defaultChild, FUNCTION) !== undefined &&
    'addLayers' in construct
    ? (construct as lambda.Function)
    : undefined;
}

/** The resource of a function. */
export function resourceOf(fn: lambda.Function): lambda.CfnFunction {
  return fn.node.defaultChild as lambda.CfnFunction;
}

/** A function that is a bare resource: the path to it does not lead through a `Function`. */
export function isPlainFunction(construct: IConstruct): boolean {
  return cfnResource(construct, FUNCTION) !== undefined && asFunction(construct.node.scope) === undefined;
}

/** A container image, which takes no layers. */
export function isImage(fn: lambda.Function): boolean {
  return resourceOf(fn).packageType === 'Image';
}

/** A function that CloudFront runs at its edge locations: its role says so. */
export function isAtEdge(fn: lambda.Function): boolean {
  const trust = (fn.role as Partial<iam.Role> | undefined)?.assumeRolePolicy;
  return JSON.stringify(fn.stack.resolve(trust?.toJSON()) ?? {}).includes('edgelambda.amazonaws.com');
}

/** A function that the CDK made for custom resources: it runs while a stack is deployed, and is nobody's product. */
export function isHelper(construct: IConstruct): boolean {
  const parent = construct.node.scope;
  return (
    (SINGLETON.test(construct.node.id) && parent !== undefined && Stack.isStack(parent)) ||
    // The CDK writes its own providers as resources without a class of their own.
    classOf(construct) === 'aws-cdk-lib.CfnResource' ||
    construct.node.scopes.slice(0, -1).some((scope) => HELPERS.some((name) => classOf(scope).startsWith(name)))
  );
}

/** The full name of a construct's class in the CDK, such as `aws-cdk-lib.aws_lambda.Function`; empty if it has none. */
function classOf(construct: IConstruct): string {
  const information = (construct.constructor as unknown as Record<symbol, { fqn?: string } | undefined>)[
    Symbol.for('jsii.rtti')
  ];
  return information?.fqn ?? '';
}

/** The number of layers that a function has. */
export function layerCount(fn: lambda.Function): number {
  const layers: unknown = fn.stack.resolve(resourceOf(fn).layers);
  return Array.isArray(layers) ? layers.length : 0;
}

/** The environment variables of a function as they stand now. A value that is known at deployment only is an object. */
export function variablesOf(fn: lambda.Function): Readonly<Record<string, unknown>> {
  const environment = fn.stack.resolve(resourceOf(fn).environment) as
    { variables?: Record<string, unknown>; Variables?: Record<string, unknown> } | undefined;
  return environment?.variables ?? environment?.Variables ?? {};
}

/** A copy of the forwarder's package marks functions so that another copy sees it. */
const ATTACHED = Symbol.for('telemetry-forwarder.attached');

/** A function that has a forwarder. */
export function isAttached(fn: IConstruct): boolean {
  return ATTACHED in fn;
}

/** Marks a function that has got a forwarder. */
export function markAttached(fn: lambda.Function): void {
  Object.defineProperty(fn, ATTACHED, { value: true });
}
