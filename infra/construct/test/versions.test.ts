import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { afterAll, describe, expect, test } from 'vitest';
import { makeFunction, makeStack, resourcesOf } from '../../test/apps';
import { version as PACKAGE_VERSION } from '../package.json';
import { Artifacts, ForwarderLayers } from '../src';
import { functionOf, makeShop, saidOf } from './world';

/** The logical id of the version behind an alias: CloudFormation publishes a new one when it changes, and not before. */
function versionBehindAlias(layers: ForwarderLayers, app = new App({ analyticsReporting: false })): string {
  const { stack, forwarder } = makeShop(undefined, layers, app);
  const fn = makeFunction(stack, 'Checkout');
  new lambda.Alias(stack, 'Live', { aliasName: 'live', version: fn.currentVersion });
  forwarder.attach(fn);
  const [version] = Object.keys(Template.fromStack(stack).findResources('AWS::Lambda::Version'));
  return version ?? '';
}

describe('an upgrade arrives behind an alias, whatever feature flags the app has', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'layers-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test('of layers that another stack has published', () => {
    const of = (version: string): string => versionBehindAlias(ForwarderLayers.fromParameterStore('/t', { version }));
    expect(of('0.2.0')).not.toBe(of('0.1.0'));
    expect(of('0.1.0')).toBe(of('0.1.0'));
  });

  test('of zips in a folder', () => {
    const of = (contents: string): string => {
      writeFileSync(path.join(folder, 'telemetry-forwarder-x86_64.zip'), contents);
      return versionBehindAlias(ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(folder)));
    };
    expect(of('new')).not.toBe(of('old'));
    expect(of('old')).toBe(of('old'));
  });

  test('of zips in a bucket', () => {
    const of = (prefix: string): string =>
      versionBehindAlias(ForwarderLayers.fromArtifacts(Artifacts.fromBucket('artifacts', prefix)));
    expect(of('v2/')).not.toBe(of('v1/'));
  });

  test('of ARNs', () => {
    const of = (x86: string): string => versionBehindAlias(ForwarderLayers.fromArns({ x86 }));
    const arn = 'arn:aws:lambda:eu-west-1:123456789012:layer:telemetry-forwarder:';
    expect(of(`${arn}2`)).not.toBe(of(`${arn}1`));
  });
});

describe('layers that another stack has published', () => {
  test('are looked up when the stack is deployed, those of the release that this package belongs to', () => {
    const { stack, forwarder } = makeShop(undefined, ForwarderLayers.fromParameterStore('/telemetry'));
    forwarder.attach(makeFunction(stack, 'Checkout'));
    const template = Template.fromStack(stack);
    template.resourceCountIs('AWS::Lambda::LayerVersion', 0);
    const name = `/telemetry/layer-arn/x86_64/${PACKAGE_VERSION}`;
    const [id] = Object.keys(template.findParameters('*', { Default: name }));
    expect(functionOf(stack, 'Checkout').Layers).toEqual([{ Ref: id }]);
  });

  test('are there under that name, and stay when the next release comes', () => {
    const published = Object.values(resourcesOf(makeStack())).filter(
      ({ Type, Properties }) =>
        Type === 'AWS::SSM::Parameter' && String(Properties['Name']).endsWith(`/layer-arn/x86_64/${PACKAGE_VERSION}`),
    );
    expect(published).toEqual([expect.objectContaining({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' })]);
  });

  test('may be the latest ones, with a warning where no version would take them up', () => {
    const shop = makeShop(undefined, ForwarderLayers.fromParameterStore('/telemetry', { version: 'latest' }));
    const fn = makeFunction(shop.stack, 'Checkout');
    new lambda.Alias(shop.stack, 'Live', { aliasName: 'live', version: fn.currentVersion });
    shop.forwarder.attach(fn);
    shop.forwarder.attach(makeFunction(shop.stack, 'Search'));
    const said = saidOf(shop.app).filter((message) => message.includes('no version of this function takes up'));
    expect(said).toEqual([expect.stringMatching(/^\/shop\/Checkout: /)]);
    Template.fromStack(shop.stack).hasParameter('*', { Default: '/telemetry/layer-arn/x86_64' });
  });
});

test('the latest layers are warned of behind SnapStart, too, which publishes versions', () => {
  const shop = makeShop(undefined, ForwarderLayers.fromParameterStore('/telemetry', { version: 'latest' }));
  const snapStart = lambda.SnapStartConf.ON_PUBLISHED_VERSIONS;
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout', { snapStart, runtime: lambda.Runtime.PYTHON_3_13 }));
  const said = saidOf(shop.app).filter((message) => message.includes('no version of this function takes up'));
  expect(said).toEqual([expect.stringMatching(/^\/shop\/Checkout: .*SnapStart/)]);
});

test('a bucket has the zips of both architectures', () => {
  const stack = new Stack(new App({ analyticsReporting: false }), 'shop');
  const layers = ForwarderLayers.fromArtifacts(Artifacts.fromBucket('artifacts', 'v1/'));
  for (const architecture of layers.architectures) {
    layers.layer(stack, `Layer-${architecture.name}`, architecture);
  }
  Template.fromStack(stack).resourceCountIs('AWS::Lambda::LayerVersion', 2);
});
