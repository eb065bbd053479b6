import * as lambda from 'aws-cdk-lib/aws-lambda';
import { describe, expect, test } from 'vitest';
import { makeFunction } from '../../test/apps';
import { ForwarderLogLevel } from '../src';
import type { Shop } from './world';
import { attachAll, functionOf, makeShop, saidOf, toStream } from './world';

function withVariables({ stack }: Shop, environment: Record<string, string>): lambda.Function {
  return makeFunction(stack, 'Checkout', { environment });
}

/** What an attempt to attach throws. */
function refusal(attempt: () => void): string {
  try {
    attempt();
  } catch (error) {
    return (error as Error).message;
  }
  return '';
}

describe('a function’s own variables', () => {
  const defaults = { ...toStream(), log: ForwarderLogLevel.ERROR };

  test('win over the defaults of the forwarder', () => {
    const shop = makeShop(defaults);
    shop.forwarder.attach(withVariables(shop, { FORWARDER_LOG: 'debug', OTHER: 'x' }));
    expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toEqual({
      FORWARDER_LOG: 'debug',
      FORWARDER_SINKS__KINESIS__STREAM: 'telemetry',
      OTHER: 'x',
    });
  });

  test('are not overwritten by options of the very function: who means what?', () => {
    const shop = makeShop(defaults);
    const fn = withVariables(shop, { FORWARDER_LOG: 'debug' });
    expect(
      refusal(() => {
        shop.forwarder.attach(fn, { log: ForwarderLogLevel.INFO });
      }),
    ).toBe(
      'shop/Checkout: FORWARDER_LOG: the function sets it itself, to "debug"; leave it out there, or the option here',
    );
  });

  test.each([
    ['FORWARDER_FLSUH__STRATEGY', 'end', 'there is no such variable; did you mean `FORWARDER_FLUSH__STRATEGY`?'],
    ['FORWARDER_FLUSH_STRATEGY', 'end', 'there is no such variable; did you mean `FORWARDER_FLUSH__STRATEGY`?'],
    [
      'FORWARDER_SINKS__KINESIS__STREM',
      'a',
      'there is no such variable; did you mean `FORWARDER_SINKS__KINESIS__STREAM`?',
    ],
    ['FORWARDER_LOG', 'lound', '"lound" is not allowed'],
    ['FORWARDER_TELEMETRY__PORT', 'high', '"high" must match pattern'],
  ])('are checked: %s=%s', (name, value, message) => {
    const shop = makeShop(defaults);
    const fn = withVariables(shop, { [name]: value });
    const said = refusal(() => {
      shop.forwarder.attach(fn);
    });
    expect(said).toContain(`shop/Checkout: ${name}: ${message}`);
  });

  test.each([
    ['FORWARDER_CONFIG', '/var/task/forwarder.toml'],
    ['FORWARDER_LOG', ''],
    ['FORWARDER_SINKS__SECOND__STREAM', 'other'],
    ['FORWARDER_FLUSH__BUDGET', '250ms'],
    ['FORWARDER_OF_ANOTHER_TOOL', 'x'],
  ])('may be: %s=%s', (name, value) => {
    const shop = makeShop(defaults);
    shop.forwarder.attach(withVariables(shop, { [name]: value }));
    expect(functionOf(shop.stack, 'Checkout').Environment?.Variables).toMatchObject({ [name]: value });
  });

  test('that come after the forwarder are checked, too', () => {
    const shop = makeShop(defaults);
    const fn = makeFunction(shop.stack, 'Checkout');
    shop.forwarder.attach(fn);
    fn.addEnvironment('FORWARDER_LGO', 'debug');
    expect(() => shop.app.synth()).toThrow(/shop\/Checkout: FORWARDER_LGO: there is no such variable/);
  });
});

describe('4 KB for all variables of a function', () => {
  const LONG = { THEIRS: 'x'.repeat(4_060) };

  test('count those that it had before', () => {
    const shop = makeShop();
    const fn = withVariables(shop, LONG);
    const said = refusal(() => {
      shop.forwarder.attach(fn);
    });
    expect(said).toMatch(/^shop\/Checkout: variables: the variables take 4107 bytes, and Lambda allows 4096/);
  });

  test('count those that come later', () => {
    const shop = makeShop();
    const fn = makeFunction(shop.stack, 'Checkout');
    shop.forwarder.attach(fn);
    fn.addEnvironment('THEIRS', LONG.THEIRS);
    expect(() => shop.app.synth()).toThrow(/shop\/Checkout: variables: they take 4107 bytes/);
  });

  test('have one function left out by the Aspect and named, and no other', () => {
    const shop = makeShop();
    withVariables(shop, LONG);
    makeFunction(shop.stack, 'Search');
    attachAll(shop);
    const said = saidOf(shop.app);
    expect(said).toEqual([
      expect.stringMatching(/^\/shop\/Checkout: This function goes without the forwarder: variables: .* 4107 bytes/),
    ]);
    expect(functionOf(shop.stack, 'Search').Layers).toHaveLength(1);
  });
});
