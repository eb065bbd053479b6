import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { runInNewContext } from 'node:vm';
import { App, AspectPriority, Aspects, CfnResource, Stack, Stage } from 'aws-cdk-lib';
import type { StageProps } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as deployment from 'aws-cdk-lib/aws-s3-deployment';
import * as custom from 'aws-cdk-lib/custom-resources';
import type { Construct } from 'constructs';
import { Node } from 'constructs';
import { describe, expect, test, vi } from 'vitest';
import { FIXTURES, makeApp, makeFunction } from '../../test/apps';
import { AttachTelemetryForwarder, TelemetryForwarder } from '../src';
import type { ForwarderOptions } from '../src';
import { attachAll, FIXTURE_LAYERS, functionOf, makeShop, saidOf, toStream } from './world';

/** A stage with a stack and a function, as CDK Pipelines deploy it. */
class Production extends Stage {
  public readonly shop: Stack;
  public readonly forwarder: TelemetryForwarder;

  constructor(scope: Construct, id: string, props?: StageProps) {
    super(scope, id, props);
    this.shop = new Stack(this, 'shop');
    this.forwarder = new TelemetryForwarder(this.shop, 'Forwarder', { layers: FIXTURE_LAYERS, defaults: toStream() });
    makeFunction(this.shop, 'Checkout');
  }
}

describe('stages', () => {
  test('are reached by the line of the guide', () => {
    const app = makeApp();
    const stage = new Production(app, 'Production');
    const guide = readFileSync(path.join(__dirname, '..', '..', '..', 'docs', 'DEPLOY-CDK.md'), 'utf8');
    const line = /^Aspects\.of\(stage\)\..*;$/m.exec(guide)?.[0] ?? '';
    const { forwarder } = stage;
    runInNewContext(line, { Aspects, AspectPriority, AttachTelemetryForwarder, forwarder, stage });
    app.synth();
    expect(functionOf(stage.shop, 'Checkout').Layers).toHaveLength(1);
  });

  test('are not reached by the Aspect of the app, which says so in the stack beside them', () => {
    const shop = makeShop();
    makeFunction(shop.stack, 'Search');
    new Production(shop.app, 'Production');
    attachAll(shop);
    expect(saidOf(shop.app)).toEqual([
      expect.stringMatching(
        /^\/shop: .*does not reach into stages: add it to Production, each by `Aspects\.of\(stage\)\.add/,
      ),
    ]);
  });

  test('are nothing to warn of where the same Aspect is on them', () => {
    const shop = makeShop();
    makeFunction(shop.stack, 'Search');
    const stage = new Production(shop.app, 'Production');
    const aspect = new AttachTelemetryForwarder(shop.forwarder);
    Aspects.of(shop.app).add(aspect);
    Aspects.of(stage).add(aspect);
    expect(saidOf(shop.app)).toEqual([]);
    expect(functionOf(stage.shop, 'Checkout').Layers).toHaveLength(1);
  });

  test('fail the synthesis where there is nothing else, since there is no stack to warn in', () => {
    const app = makeApp();
    const stage = new Production(app, 'Production');
    Aspects.of(app).add(new AttachTelemetryForwarder(stage.forwarder));
    expect(() => app.synth()).toThrow(/there is no stack in its reach.*add it to Production/);
  });
});

describe('an Aspect', () => {
  test('that attached nothing says so', () => {
    const shop = makeShop();
    attachAll(shop);
    expect(saidOf(shop.app)).toEqual([
      expect.stringMatching(/^\/shop: AttachTelemetryForwarder attached nothing: there is no function in its reach\./),
    ]);
  });

  test('that attached nothing since none took it says so', () => {
    const shop = makeShop();
    makeFunction(shop.stack, 'Checkout');
    attachAll(shop, { exclude: [shop.stack] });
    expect(saidOf(shop.app)).toEqual([expect.stringContaining('attached nothing: none of 1 functions took it')]);
  });

  test('leaves out what is excluded, with all below it', () => {
    const shop = makeShop();
    const other = new Stack(shop.app, 'other');
    makeFunction(other, 'Search');
    makeFunction(shop.stack, 'Checkout');
    attachAll(shop, { exclude: [other] });
    shop.app.synth();
    expect(functionOf(other, 'Search').Layers).toBeUndefined();
    expect(functionOf(shop.stack, 'Checkout').Layers).toHaveLength(1);
  });

  test('leaves a function with five layers out and names it, and attaches the others', () => {
    const shop = makeShop();
    const layers = ['1', '2', '3', '4', '5'].map((id) =>
      lambda.LayerVersion.fromLayerVersionArn(shop.stack, id, `arn:aws:lambda:eu-west-1:1:layer:x:${id}`),
    );
    makeFunction(shop.stack, 'Crowded', { layers });
    makeFunction(shop.stack, 'Search');
    attachAll(shop);
    expect(saidOf(shop.app)).toEqual([
      expect.stringMatching(
        /^\/shop\/Crowded: This function goes without the forwarder: layers: the function has 5 layers, and Lambda allows 5/,
      ),
    ]);
    expect(functionOf(shop.stack, 'Search').Layers).toHaveLength(1);
  });

  test('names functions that are plain CloudFormation', () => {
    const shop = makeShop();
    makeFunction(shop.stack, 'Search');
    new lambda.CfnFunction(shop.stack, 'Plain', { code: { zipFile: 'x' }, role: 'r' });
    attachAll(shop);
    expect(saidOf(shop.app)).toEqual([expect.stringMatching(/^\/shop\/Plain: This function is plain CloudFormation/)]);
  });

  test('throws at options that are wrong for all', () => {
    const shop = makeShop();
    makeFunction(shop.stack, 'Search');
    attachAll(shop, { options: { routes: '* -> nowhere' } });
    expect(() => shop.app.synth()).toThrow('shop/Search: routes: rule 1 `* -> nowhere`');
  });
});

describe('functions of custom resources', () => {
  function withHelpers(): ReturnType<typeof makeShop> {
    const shop = makeShop();
    const { stack } = shop;
    new custom.Provider(stack, 'Provider', { onEventHandler: makeFunction(stack, 'OnEvent') });
    new custom.AwsCustomResource(stack, 'Call', {
      onCreate: { service: 'S3', action: 'listBuckets', physicalResourceId: custom.PhysicalResourceId.of('x') },
      policy: custom.AwsCustomResourcePolicy.fromSdkCalls({ resources: ['*'] }),
    });
    const destinationBucket = new s3.Bucket(stack, 'Bucket', { versioned: true });
    new deployment.BucketDeployment(stack, 'Deployment', {
      sources: [deployment.Source.asset(FIXTURES)],
      destinationBucket,
    });
    new CfnResource(stack, 'Handler', { type: 'AWS::Lambda::Function', properties: { Code: { ZipFile: 'x' } } });
    return shop;
  }

  const attachedTo = ({ stack }: ReturnType<typeof makeShop>): string[] =>
    Object.entries(Template.fromStack(stack).findResources('AWS::Lambda::Function'))
      .filter(([, resource]) => JSON.stringify(resource).includes('FORWARDER_SINKS'))
      .map(([id]) => id.slice(0, -8));

  test('are left alone, and the handler that somebody wrote is not', () => {
    const shop = withHelpers();
    attachAll(shop);
    expect(attachedTo(shop)).toEqual(['OnEvent']);
    expect(saidOf(shop.app).filter((said) => said.includes('serves custom resources'))).toHaveLength(3);
  });

  test('get it where that is asked for', () => {
    const shop = withHelpers();
    attachAll(shop, { customResources: true });
    expect(attachedTo(shop).length).toBe(4);
  });
});

describe('a thousand functions', () => {
  /** Times that options were read, and constructs that were looked at, for so many functions of one stack. */
  function work(functions: number): { options: number; looks: number } {
    let options = 0;
    const defaults: ForwarderOptions = {
      ...toStream(),
      get routes() {
        options += 1;
        return '* -> kinesis';
      },
    };
    const shop = makeShop(undefined, FIXTURE_LAYERS, new App({ analyticsReporting: false }));
    const forwarder = new TelemetryForwarder(shop.stack, 'Counted', { layers: FIXTURE_LAYERS, defaults });
    for (let index = 0; index < functions; index += 1) {
      makeFunction(shop.stack, `Function${index}`);
    }
    Aspects.of(shop.app).add(new AttachTelemetryForwarder(forwarder));
    let looks = 0;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the node that it was called for
    const original = Node.prototype.findAll;
    const spy = vi.spyOn(Node.prototype, 'findAll').mockImplementation(function (this: Node, ...args) {
      const found = original.call(this, ...args);
      looks += found.length;
      return found;
    });
    try {
      shop.app.synth();
    } finally {
      spy.mockRestore();
    }
    return { options, looks };
  }

  test('have their options checked once, and cost a thousand times what one costs', () => {
    const [few, many] = [work(10), work(40)];
    expect(many.options).toBe(few.options);
    expect(many.looks / few.looks).toBeLessThan(6);
  });
});
