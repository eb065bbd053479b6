import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { expect, test } from 'vitest';
import { makeApp, makeFunction } from '../../test/apps';
import allowed from '../schema/document-permissions.json';
import type { Shop } from './world';
import { functionOf, makeShop, toStream } from './world';

interface Statement {
  readonly Action: string;
  readonly Resource: unknown;
}

function statements({ stack }: Shop): Statement[] {
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')) as {
    Properties: { PolicyDocument: { Statement: Statement[] } };
  }[];
  return policies.flatMap(({ Properties }) => Properties.PolicyDocument.Statement);
}

function named({ stack }: { readonly stack: Stack }, parameterName = '/telemetry/forwarder'): ssm.IParameter {
  return ssm.StringParameter.fromStringParameterName(stack, 'Config', parameterName);
}

test('a parameter becomes the variable, and the function may read it and nothing else', () => {
  const shop = makeShop();
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'), { configParameter: named(shop) });
  expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toMatchObject({
    FORWARDER_CONFIG: 'ssm:/telemetry/forwarder',
    FORWARDER_SINKS__KINESIS__STREAM: 'telemetry',
  });
  const allowed = statements(shop).map(({ Action }) => Action);
  expect(allowed.sort()).toEqual(['kinesis:PutRecords', 'ssm:GetParameter']);
  const read = statements(shop).find(({ Action }) => Action === 'ssm:GetParameter');
  expect(JSON.stringify(read?.Resource)).toContain(':parameter/telemetry/forwarder"');
});

test('one that the app makes is named by reference', () => {
  const shop = makeShop();
  const stringValue = 'routes = "* -> kinesis"';
  const configParameter = new ssm.StringParameter(shop.stack, 'Config', { stringValue });
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'), { configParameter });
  expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toMatchObject({
    FORWARDER_CONFIG: { 'Fn::Join': ['', ['ssm:', { Ref: expect.stringMatching(/^Config/) as string }]] },
  });
});

test('a key of one’s own may be used to decrypt', () => {
  const shop = makeShop();
  const configKey = new kms.Key(shop.stack, 'Key');
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'), { configParameter: named(shop), configKey });
  const decrypt = statements(shop).find(({ Action }) => Action === 'kms:Decrypt');
  expect(decrypt?.Resource).toEqual({ 'Fn::GetAtt': [expect.stringMatching(/^Key/), 'Arn'] });
});

test('it needs what document-permissions.json says, which other deployers read', () => {
  const shop = makeShop();
  const configKey = new kms.Key(shop.stack, 'Key');
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'), { configParameter: named(shop), configKey });
  const actions = statements(shop).map(({ Action }) => Action);
  expect(actions.filter((action) => /^(ssm|kms:Decrypt)/.test(action)).sort()).toEqual(
    [...allowed.parameter, ...allowed.key].sort(),
  );
});

test('it may be everybody’s, and a function’s own takes its place', () => {
  const app = makeApp();
  const configParameter = named({ stack: new Stack(app, 'config') });
  const shop = makeShop({ ...toStream(), configParameter }, undefined, app);
  shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'));
  shop.forwarder.attach(makeFunction(shop.stack, 'Search'), { configParameter: named(shop, '/search') });
  const configOf = (id: string): unknown => functionOf(shop.stack, id).Environment?.Variables?.['FORWARDER_CONFIG'];
  expect([configOf('Checkout'), configOf('Search')]).toEqual(['ssm:/telemetry/forwarder', 'ssm:/search']);
});

test.each([
  [
    'a key without a parameter',
    (shop: Shop) => ({ configKey: new kms.Key(shop.stack, 'Key') }),
    'configKey: there is nothing to decrypt',
  ],
  [
    'a name that is none',
    (shop: Shop) => ({ configParameter: named(shop, '/a b') }),
    'configParameter: "/a b" is no name of a parameter',
  ],
])('%s is refused', (_, options, wrong) => {
  const shop = makeShop();
  expect(() => {
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'), options(shop));
  }).toThrow(wrong);
});

test('a variable of the function that names another document is a contradiction', () => {
  const shop = makeShop();
  const fn = makeFunction(shop.stack, 'Checkout', { environment: { FORWARDER_CONFIG: 'ssm:/other' } });
  expect(() => {
    shop.forwarder.attach(fn, { configParameter: named(shop) });
  }).toThrow('FORWARDER_CONFIG: the function sets it itself, to "ssm:/other"');
});
