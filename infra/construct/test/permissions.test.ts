import { Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import { describe, expect, test } from 'vitest';
import { makeApp, makeFunction } from '../../test/apps';
import permissions from '../schema/permissions.json';
import schema from '../schema/telemetry-forwarder.schema.json';
import { ForwarderMetrics, ForwarderSink } from '../src';
import type { ForwarderOptions } from '../src';
import type { Shop } from './world';
import { functionOf, makeShop, saidOf, toStream } from './world';

const ROLE = 'arn:aws:iam::123456789012:role/shop';
const SILENT: ForwarderOptions = { cloudWatchLogs: false };

interface Statement {
  readonly Effect: string;
  readonly Action: unknown;
  readonly Resource: unknown;
}

function denials(stack: Stack): Statement[] {
  const policies = Object.values(Template.fromStack(stack).findResources('AWS::IAM::Policy')) as {
    Properties: { PolicyDocument: { Statement: Statement[] } };
  }[];
  return policies
    .flatMap(({ Properties }) => Properties.PolicyDocument.Statement)
    .filter(({ Effect }) => Effect === 'Deny');
}

function sharedRole({ stack }: Shop): iam.Role {
  return new iam.Role(stack, 'Shared', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
}

const OWN = 'give the function a role of its own, a `logGroup` or a `functionName`';

describe('cloudWatchLogs: false on a role that others have, too', () => {
  test('is refused: the others would be silenced', () => {
    const shop = makeShop();
    const role = sharedRole(shop);
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role }), SILENT);
    makeFunction(shop.stack, 'Other', { role });
    expect(() => shop.app.synth()).toThrow(
      `shop/Quiet: cloudWatchLogs: the role is shared with shop/Other, which would be silenced too; ${OWN}`,
    );
  });

  test('is refused as well where the other function is in another stack', () => {
    const shop = makeShop();
    const role = sharedRole(shop);
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role }), SILENT);
    makeFunction(new Stack(shop.app, 'other'), 'Other', { role });
    expect(() => shop.app.synth()).toThrow('the role is shared with other/Other');
  });

  test('is about the function’s own log group where that is known', () => {
    const shop = makeShop();
    const role = sharedRole(shop);
    const logGroup = new logs.LogGroup(shop.stack, 'Logs');
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role, logGroup }), SILENT);
    shop.forwarder.attach(makeFunction(shop.stack, 'Named', { role, functionName: 'named' }), SILENT);
    makeFunction(shop.stack, 'Other', { role });
    const about = JSON.stringify(denials(shop.stack).map(({ Resource }) => Resource));
    expect(about).toMatch(/log-group:"?,\{"Ref":"Logs/);
    expect(about).toContain(':log-group:/aws/lambda/named');
    expect(about).not.toContain('"*"');
  });

  test('is refused where two functions share the log group as well', () => {
    const shop = makeShop();
    const role = sharedRole(shop);
    const logGroup = new logs.LogGroup(shop.stack, 'Logs');
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role, logGroup }), SILENT);
    makeFunction(shop.stack, 'Other', { role, logGroup });
    expect(() => shop.app.synth()).toThrow('the role is shared with shop/Other');
  });

  test('is fine where all of them are to be silent', () => {
    const shop = makeShop();
    const role = sharedRole(shop);
    ['One', 'Two'].forEach((id) => {
      shop.forwarder.attach(makeFunction(shop.stack, id, { role }), SILENT);
    });
    expect(denials(shop.stack).length).toBeGreaterThan(0);
  });

  test('denies nothing on an imported role, whose other functions nobody knows here', () => {
    const shop = makeShop();
    const role = iam.Role.fromRoleArn(shop.stack, 'Imported', ROLE);
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role }), SILENT);
    expect(denials(shop.stack)).toEqual([]);
    expect(saidOf(shop.app).join()).toContain(`its other functions would be silenced too; ${OWN}`);
  });

  test('denies a function with a name its own log group on an imported role', () => {
    const shop = makeShop();
    const role = iam.Role.fromRoleArn(shop.stack, 'Imported', ROLE);
    shop.forwarder.attach(makeFunction(shop.stack, 'Named', { role, functionName: 'named' }), SILENT);
    expect(JSON.stringify(denials(shop.stack))).toContain(':log-group:/aws/lambda/named');
  });
});

describe('a role that cannot be changed from here', () => {
  const roles: [string, (shop: Shop) => iam.IRole][] = [
    ['imported as immutable', ({ stack }) => iam.Role.fromRoleArn(stack, 'Imported', ROLE, { mutable: false })],
    ['without policy updates', (shop) => sharedRole(shop).withoutPolicyUpdates()],
  ];

  test.each(roles)('%s: the statement that is missing is reported', (_, make) => {
    const shop = makeShop({ sinks: { kinesis: ForwarderSink.kinesis({ streamName: 'telemetry' }) } });
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout', { role: make(shop) }));
    const said = saidOf(shop.app).filter((message) => message.includes('cannot be changed'));
    expect(said).toEqual([
      expect.stringContaining(
        '/shop/Checkout: The role cannot be changed from here, and nothing was granted. Its owner must add: ' +
          '[{"Effect":"Allow","Action":["kinesis:PutRecords"],"Resource":' +
          '["arn:${AWS::Partition}:kinesis:${AWS::Region}:${AWS::AccountId}:stream/telemetry"]}]',
      ),
    ]);
  });

  test.each(roles)('%s: denies nothing, says that instead of what vanishes, and keeps the metrics', (_, make) => {
    const shop = makeShop();
    const options = { ...SILENT, metrics: ForwarderMetrics.EMF };
    shop.forwarder.attach(makeFunction(shop.stack, 'Quiet', { role: make(shop) }), options);
    const said = saidOf(shop.app).join('\n');
    expect(functionOf(shop.stack, 'Quiet').Environment?.Variables).toHaveProperty('FORWARDER_METRICS', 'emf');
    expect(denials(shop.stack)).toEqual([]);
    expect(said).toContain('nothing was denied: its logs go to CloudWatch as before');
    expect(said).not.toContain('vanish');
  });

  test('has the denial reported as well, where it is known what it is about', () => {
    const shop = makeShop();
    const role = iam.Role.fromRoleArn(shop.stack, 'Imported', ROLE, { mutable: false });
    shop.forwarder.attach(makeFunction(shop.stack, 'Named', { role, functionName: 'named' }), SILENT);
    expect(saidOf(shop.app).join()).toMatch(/Its owner must add: \[\{"Effect":"Deny".*log-group:\/aws\/lambda\/named/);
  });

  test('is not one that is imported and may be changed', () => {
    const shop = makeShop();
    const role = iam.Role.fromRoleArn(shop.stack, 'Imported', ROLE);
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout', { role }));
    expect(saidOf(shop.app)).toEqual([]);
    Template.fromStack(shop.stack).resourceCountIs('AWS::IAM::Policy', 1);
  });
});

describe('a stream of another account', () => {
  const streamArn = 'arn:aws:kinesis:eu-west-1:999999999999:stream/central';

  test('has the statement reported, once, that its policy must have', () => {
    const shop = makeShop({ sinks: { kinesis: ForwarderSink.kinesis({ streamArn }) } });
    ['Checkout', 'Search'].forEach((id) => {
      shop.forwarder.attach(makeFunction(shop.stack, id));
    });
    const said = saidOf(shop.app).filter((message) => message.includes('999999999999'));
    expect(said).toEqual([
      expect.stringMatching(
        /sinks\.kinesis: the stream belongs to account 999999999999.*"Action":\["kinesis:PutRecords"\].*"Principal":\{"AWS":"arn:\$\{AWS::Partition\}:iam::\$\{AWS::AccountId\}:root"\}/,
      ),
    ]);
  });

  test('is none of the stack’s own account', () => {
    const app = makeApp();
    const stack = new Stack(app, 'own', { env: { account: '999999999999', region: 'eu-west-1' } });
    makeShop(undefined, undefined, app).forwarder.attach(makeFunction(stack, 'Checkout'), {
      sinks: { kinesis: ForwarderSink.kinesis({ streamArn }) },
    });
    expect(saidOf(app).filter((message) => message.includes('belongs to account'))).toEqual([]);
  });

  test('needs none where a role of that account is assumed', () => {
    const assumeRole = 'arn:aws:iam::999999999999:role/writer';
    const shop = makeShop({ sinks: { kinesis: ForwarderSink.kinesis({ streamArn, assumeRole }) } });
    shop.forwarder.attach(makeFunction(shop.stack, 'Checkout'));
    expect(saidOf(shop.app)).toEqual([]);
  });
});

test('two functions that are silent on one role make a policy that IAM takes: no name of a statement twice', () => {
  const shop = makeShop(toStream());
  const role = sharedRole(shop);
  ['one', 'two'].forEach((functionName) => {
    shop.forwarder.attach(makeFunction(shop.stack, functionName, { role, functionName }), SILENT);
  });
  expect(JSON.stringify(denials(shop.stack))).not.toContain('Sid');
});

test('sinks need what permissions.json says, which other deployers read', () => {
  const stack = new Stack(makeApp(), 'shop');
  const encryptionKey = kms.Key.fromKeyArn(stack, 'Key', 'arn:aws:kms:eu-west-1:999999999999:key/1');
  const sinks = {
    kinesis: ForwarderSink.kinesis({ streamName: 'a', encryptionKey }),
    firehose: ForwarderSink.firehose({ deliveryStreamName: 'a' }),
    stdout: ForwarderSink.stdout(),
  };
  const [anySink] = Object.values(schema.properties.sinks.patternProperties);
  expect(Object.keys(permissions), 'every type that the forwarder has').toEqual(anySink?.properties.type.enum);
  for (const [type, { stream, key }] of Object.entries(permissions)) {
    const actions = sinks[type as keyof typeof sinks]._bind(stack).grants.map(({ action }) => action);
    expect(actions, type).toEqual([...stream, ...key]);
  }
});
