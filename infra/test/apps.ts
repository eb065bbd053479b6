/** Apps and stacks for tests, with the feature flags of cdk.json and the zips of `fixtures/`. */

import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { context } from '../cdk.json';
import { Artifacts } from '../construct/src';
import type { TelemetryForwarderStackProps } from '../stack/stack';
import { TelemetryForwarderStack } from '../stack/stack';

/** Zips that `make layer` would have built. */
export const FIXTURES = path.join(__dirname, '..', 'fixtures', 'dist');

export const COST_TAGS = {
  costCenter: '4711',
  environment: 'test',
  application: 'telemetry-forwarder',
  owner: 'somebody',
};

/** An app as `cdk synth` makes it, with more context. */
export function makeApp(more: Record<string, unknown> = {}): App {
  return new App({ analyticsReporting: false, context: { ...context, ...more } });
}

/** The stack, and the app that it is in. */
export function makeStack(props: Partial<TelemetryForwarderStackProps> = {}): TelemetryForwarderStack {
  return new TelemetryForwarderStack(makeApp(), 'telemetry', {
    costTags: COST_TAGS,
    artifacts: Artifacts.fromDirectory(FIXTURES),
    ...props,
  });
}

/** Everything that the stack can have. */
export const EVERYTHING: Partial<TelemetryForwarderStackProps> = {
  archive: {},
  consumer: {},
  stream: { producerAccounts: ['111111111111', '222222222222'] },
  alarms: { email: 'somebody@example.com' },
};

/** A resource of a template. */
export interface Resource {
  readonly Type: string;
  readonly Properties: Readonly<Record<string, unknown>>;
  readonly DeletionPolicy?: string;
}

/** The resources of a stack, by their logical ids. */
export function resourcesOf(stack: Stack): Record<string, Resource> {
  return (Template.fromStack(stack).toJSON() as { Resources: Record<string, Resource> }).Resources;
}

/** The resources of a type, with their logical ids. */
export function everyOfType(resources: Record<string, Resource>, type: string): [string, Resource][] {
  return Object.entries(resources).filter(([, resource]) => resource.Type === type);
}

/** The body of the dashboard, with references left out. */
export function dashboardOf(stack: Stack): string {
  const [found] = everyOfType(resourcesOf(stack), 'AWS::CloudWatch::Dashboard');
  const body = found?.[1].Properties['DashboardBody'] as { 'Fn::Join': [string, unknown[]] };
  return body['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : '…')).join('');
}

/** A function of somebody's app. */
export function makeFunction(scope: Construct, id: string, props: Partial<lambda.FunctionProps> = {}): lambda.Function {
  return new lambda.Function(scope, id, {
    runtime: lambda.Runtime.NODEJS_22_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline('exports.handler = async () => {};'),
    ...props,
  });
}
