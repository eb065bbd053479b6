import { AspectPriority, Aspects, Stack, Tags } from 'aws-cdk-lib';
import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  Artifacts,
  AttachTelemetryForwarder,
  ForwarderLayers,
  ForwarderLogLevel,
  ForwarderSink,
  TelemetryForwarder,
} from '../src';
import { FIXTURES, makeApp, makeFunction } from '../../test/apps';

interface FunctionResource {
  Properties: { Layers?: unknown[]; Environment?: { Variables: Record<string, unknown> } };
}

describe('an aspect over an app of two stacks', () => {
  const app = makeApp();
  const shop = new Stack(app, 'shop');
  const other = new Stack(app, 'other');
  const functions = (stack: Stack, id: string): FunctionResource[] =>
    Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function'))
      .filter(([name]) => name.startsWith(id))
      .map(([, resource]) => resource as FunctionResource);
  const isAttached = (stack: Stack, id: string): boolean[] =>
    functions(stack, id).map(
      ({ Properties }) => Properties.Layers !== undefined && Properties.Environment !== undefined,
    );

  beforeAll(() => {
    const stream = new kinesis.Stream(shop, 'Stream');
    const forwarder = new TelemetryForwarder(shop, 'Forwarder', {
      layers: ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES)),
      defaults: { sinks: { kinesis: ForwarderSink.kinesis({ stream }) } },
    });
    makeFunction(shop, 'Checkout');
    makeFunction(other, 'Search', { architecture: lambda.Architecture.ARM_64 });
    forwarder.attach(makeFunction(shop, 'Loud'), { log: ForwarderLogLevel.DEBUG });
    makeFunction(shop, 'Left');
    const reader = makeFunction(shop, 'Reader');
    reader.addEventSource(new KinesisEventSource(stream, { startingPosition: lambda.StartingPosition.LATEST }));
    const edge = makeFunction(shop, 'Edge').role as iam.Role;
    edge.assumeRolePolicy?.addStatements(
      new iam.PolicyStatement({
        actions: ['sts:AssumeRole'],
        principals: [new iam.ServicePrincipal('edgelambda.amazonaws.com')],
      }),
    );
    const live = new lambda.Alias(shop, 'Live', {
      aliasName: 'live',
      version: makeFunction(shop, 'Aliased').currentVersion,
    });
    live.addEventSource(new KinesisEventSource(stream, { startingPosition: lambda.StartingPosition.LATEST }));
    new lambda.Function(shop, 'Image', {
      runtime: lambda.Runtime.FROM_IMAGE,
      handler: lambda.Handler.FROM_IMAGE,
      code: new (class extends lambda.Code {
        public readonly isInline = false;
        public bind(): lambda.CodeConfig {
          return { image: { imageUri: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop:1' } };
        }
      })(),
    });
    Aspects.of(app).add(
      new AttachTelemetryForwarder(forwarder, { include: { includes: (fn) => !fn.node.path.endsWith('/Left') } }),
      {
        priority: AspectPriority.MUTATING,
      },
    );
  });

  test('attaches every function, whatever its stack and architecture', () => {
    expect(isAttached(shop, 'Checkout')).toEqual([true]);
    expect(isAttached(other, 'Search')).toEqual([true]);
    Template.fromStack(other).hasResourceProperties('AWS::Lambda::LayerVersion', {
      CompatibleArchitectures: ['arm64'],
    });
  });

  test('leaves those alone that have it already', () => {
    const [loud] = functions(shop, 'Loud');
    expect(loud?.Properties.Layers).toHaveLength(1);
    expect(loud?.Properties.Environment?.Variables).toMatchObject({ FORWARDER_LOG: 'debug' });
  });

  test('leaves those alone that are not to have it', () => {
    expect(isAttached(shop, 'Left')).toEqual([false]);
  });

  test('leaves readers of the stream alone, which would invoke themselves, and says so', () => {
    expect(isAttached(shop, 'Reader')).toEqual([false]);
    Annotations.fromStack(shop).hasInfo('/shop/Reader', Match.stringLikeRegexp('reads the stream'));
  });

  test('leaves functions of Lambda@Edge alone, and says so', () => {
    expect(isAttached(shop, 'Edge')).toEqual([false]);
    Annotations.fromStack(shop).hasInfo('/shop/Edge', Match.stringLikeRegexp('at the edge'));
  });

  test('leaves functions alone that read the stream through an alias', () => {
    expect(isAttached(shop, 'Aliased')).toEqual([false]);
  });

  test('gives container images all but the layer, and says what to do', () => {
    const [image] = functions(shop, 'Image');
    expect(image?.Properties.Layers).toBeUndefined();
    expect(image?.Properties.Environment?.Variables).toHaveProperty('FORWARDER_SINKS__KINESIS__STREAM');
    Annotations.fromStack(shop).hasInfo('/shop/Image', Match.stringLikeRegexp('copy the extension into the image'));
  });

  test('ties the stacks together by the stream alone', () => {
    const outputs = Object.keys(Template.fromStack(shop).toJSON()['Outputs'] as object);
    expect(outputs).toHaveLength(2);
    for (const output of outputs) {
      expect(output).toMatch(/(Ref|GetAtt)Stream/);
    }
  });
});

test('an aspect without a priority does the same, and what it makes is seen by others', () => {
  const app = makeApp();
  const stack = new Stack(app, 'shop');
  const other = new Stack(app, 'other');
  const forwarder = new TelemetryForwarder(stack, 'Forwarder', {
    layers: ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES)),
    defaults: { sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } },
  });
  makeFunction(other, 'Search');
  Tags.of(app).add('Owner', 'somebody');
  Aspects.of(app).add(new AttachTelemetryForwarder(forwarder));
  Template.fromStack(other).hasResourceProperties('AWS::Lambda::Function', {
    Layers: [Match.anyValue()],
    Tags: [{ Key: 'Owner', Value: 'somebody' }],
  });
});
