import { createRequire } from 'node:module';
import type * as core from 'aws-cdk-lib';
import * as awsLambda from 'aws-cdk-lib/aws-lambda';
import { beforeAll, describe, expect, test } from 'vitest';
import { context } from '../../cdk.json';
import { AttachTelemetryForwarder, TelemetryForwarder } from '../src';
import { FIXTURE_LAYERS, toStream } from './world';

/** The CDK once more, as an app has it whose own copy is not the one that the construct was installed with. */
function anotherCopy(): { cdk: typeof core; lambda: typeof awsLambda } {
  const load = createRequire(__filename);
  for (const file of Object.keys(load.cache)) {
    if (file.includes('/aws-cdk-lib/')) {
      Reflect.deleteProperty(load.cache, file);
    }
  }
  return {
    cdk: load('aws-cdk-lib') as typeof core,
    lambda: load('aws-cdk-lib/aws-lambda') as typeof awsLambda,
  };
}

describe('an app with another copy of aws-cdk-lib', () => {
  let resources: Record<string, { Type: string; Properties: { Layers?: unknown[]; Environment?: object } }>;
  let isOther = false;

  beforeAll(() => {
    const { cdk, lambda } = anotherCopy();
    const app = new cdk.App({ analyticsReporting: false, context });
    const stack = new cdk.Stack(app, 'shop');
    const forwarder = new TelemetryForwarder(stack, 'Forwarder', { layers: FIXTURE_LAYERS, defaults: toStream() });
    const code = lambda.Code.fromInline('exports.handler = async () => {};');
    const props = { runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', code };
    const checkout = new lambda.Function(stack, 'Checkout', props);
    // The copy that is imported above is the construct's own.
    isOther = !(checkout instanceof awsLambda.Function);
    const image = new lambda.DockerImageFunction(stack, 'Image', {
      code: lambda.DockerImageCode.fromEcr({
        repositoryArn: 'arn:aws:ecr:eu-west-1:123456789012:repository/shop',
        repositoryUriForTagOrDigest: () => 'shop:1',
        grantPull: () => undefined,
        addToResourcePolicy: () => undefined,
      } as never),
    });
    forwarder.attach(image);
    cdk.Aspects.of(app).add(new AttachTelemetryForwarder(forwarder));
    resources = (app.synth().getStackByName('shop').template as { Resources: typeof resources }).Resources;
  });

  const functionOf = (id: string): { Layers?: unknown[]; Environment?: object } =>
    Object.entries(resources).find(([name, { Type }]) => Type === 'AWS::Lambda::Function' && name.startsWith(id))?.[1]
      .Properties ?? {};

  test('has its functions attached by the Aspect', () => {
    expect(isOther).toBe(true);
    expect(functionOf('Checkout').Layers).toHaveLength(1);
    expect(functionOf('Checkout').Environment).toMatchObject({
      Variables: { FORWARDER_SINKS__KINESIS__STREAM: 'telemetry' },
    });
  });

  test('has no layer put on a container image, and all else', () => {
    expect(functionOf('Image').Layers).toBeUndefined();
    expect(functionOf('Image').Environment).toBeDefined();
  });
});
