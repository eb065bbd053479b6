import { execFileSync, spawnSync } from 'node:child_process';
import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import schema from '../schema/telemetry-forwarder.schema.json';
import { Artifacts, ForwarderLayers, TelemetryForwarder } from '../src';
import { FIXTURES, makeApp, makeFunction } from '../../test/apps';
import { EVERY_OPTION } from './cases';

/** Set by `make infra-test`. */
const FORWARDERCTL = process.env['FORWARDERCTL_BIN'] ?? '';

/** Answer of the forwarder to these variables: its exit code, and what it printed. */
function check(variables: Record<string, string>): { status: number | null; said: string } {
  const { status, stdout, stderr } = spawnSync(FORWARDERCTL, ['check'], { env: variables, encoding: 'utf8' });
  return { status, said: stdout + stderr };
}

describe.skipIf(FORWARDERCTL === '')('the forwarder itself', () => {
  test('prints the schema that is checked in', () => {
    const printed = execFileSync(FORWARDERCTL, ['schema'], { encoding: 'utf8' });
    expect(JSON.parse(printed), 'forwarderctl schema > schema/telemetry-forwarder.schema.json').toEqual(schema);
  });

  test('takes every option as it is deployed', () => {
    const stack = new Stack(makeApp(), 'shop');
    const layers = ForwarderLayers.fromArtifacts(Artifacts.fromDirectory(FIXTURES));
    new TelemetryForwarder(stack, 'Forwarder', { layers }).attach(makeFunction(stack, 'Checkout'), EVERY_OPTION);
    const [fn] = Object.values(Template.fromStack(stack).findResources('AWS::Lambda::Function'));
    const { Variables } = (fn as { Properties: { Environment: { Variables: Record<string, string> } } }).Properties
      .Environment;
    const { status, said } = check(Variables);
    expect(status, said).toBe(0);
  });
});
