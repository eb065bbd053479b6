import { Tags } from 'aws-cdk-lib';
import { describe, expect, test } from 'vitest';
import { makeFunction } from '../../test/apps';
import { functionOf, makeShop, toStream } from './world';

describe('attributes of the stack’s tags', () => {
  const options = { ...toStream(), attributes: { team: 'checkout', Owner: 'nobody else' } };

  test('have the values that the tags have in the end, and attributes win', () => {
    const shop = makeShop({ ...options, attributesFromTags: ['CostCenter', 'Owner'] });
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'));
    // Later than the function, as an app does it for all of its stacks.
    Tags.of(shop.app).add('CostCenter', '4711');
    Tags.of(shop.stack).add('Owner', 'team-shop');
    Tags.of(shop.stack).add('Unasked', 'x');
    expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toMatchObject({
      FORWARDER_ATTRIBUTES: 'CostCenter=4711,Owner=nobody else,team=checkout',
    });
  });

  test('are not there unless asked for', () => {
    const shop = makeShop(options);
    Tags.of(shop.stack).add('CostCenter', '4711');
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'));
    expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toMatchObject({
      FORWARDER_ATTRIBUTES: 'team=checkout,Owner=nobody else',
    });
  });

  test.each([
    ['Missing', 'x', 'the stack has no tag `CostCenter`'],
    ['CostCenter', 'a,b', '"a,b" is no value'],
  ])('are refused where they cannot be: %s=%s', (key, value, message) => {
    const shop = makeShop({ ...options, attributesFromTags: ['CostCenter'] });
    Tags.of(shop.stack).add(key, value);
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'));
    expect(() => shop.app.synth()).toThrow(message);
  });
});
