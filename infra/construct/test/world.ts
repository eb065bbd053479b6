/** Somebody's app: a stack, a forwarder, functions, and what is said of them. */

import { Aspects, Stack } from 'aws-cdk-lib';
import type { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { FIXTURES, makeApp } from '../../test/apps';
import { Artifacts, AttachTelemetryForwarder, ForwarderLayers, ForwarderSink, TelemetryForwarder } from '../src';
import type { AttachTelemetryForwarderProps, ForwarderOptions } from '../src';

export const FIXTURE_LAYERS = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES));

/** A stack with a forwarder in it. */
export function makeShop(defaults?: ForwarderOptions, layers = FIXTURE_LAYERS, app = makeApp()): Shop {
  const stack = new Stack(app, 'shop');
  return {
    app,
    stack,
    forwarder: new TelemetryForwarder(stack, 'Forwarder', { layers, defaults: defaults ?? toStream() }),
  };
}

/** What a test starts from. */
export interface Shop {
  readonly app: App;
  readonly stack: Stack;
  readonly forwarder: TelemetryForwarder;
}

/** All to the stream of this name. */
export function toStream(streamName = 'telemetry'): ForwarderOptions {
  return { sinks: { kinesis: ForwarderSink.kinesis({ streamName }) } };
}

/** Adds the Aspect to the whole app. */
export function attachAll({ app, forwarder }: Shop, props: AttachTelemetryForwarderProps = {}): void {
  Aspects.of(app).add(new AttachTelemetryForwarder(forwarder, props));
}

/** A function's resource. */
export interface FunctionResource {
  readonly Properties: {
    readonly Layers?: unknown[];
    readonly Environment?: { readonly Variables?: Record<string, unknown> };
  };
}

/** The functions of a stack by the beginnings of their logical ids. */
export function functionOf(stack: Stack, id: string): FunctionResource['Properties'] {
  const found = Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
  const [, resource] = found.find(([name]) => name.startsWith(id)) ?? [];
  return (resource as FunctionResource | undefined)?.Properties ?? {};
}

/** Everything that synthesis says about the constructs of an app: `path: message`. */
export function saidOf(app: App): string[] {
  return app
    .synth()
    .stacks.flatMap(({ messages }) => messages.map(({ id, entry }) => `${id}: ${entry.data as string}`));
}
