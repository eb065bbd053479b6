import { CfnResource, Fn, Stack } from 'aws-cdk-lib';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { KinesisEventSource, SqsEventSource } from 'aws-cdk-lib/aws-lambda-event-sources';
import * as pipes from 'aws-cdk-lib/aws-pipes';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { describe, expect, test } from 'vitest';
import { makeFunction } from '../../test/apps';
import { ForwarderSink } from '../src';
import type { ForwarderOptions } from '../src';
import type { Shop } from './world';
import { attachAll, functionOf, makeShop, saidOf, toStream } from './world';

const LATEST = lambda.StartingPosition.LATEST;
const ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry';

/** What makes the function `Reader` read what it writes, and where it writes. */
type Loop = (shop: Shop, reader: lambda.Function) => ForwarderOptions;

function toNew(stack: Stack): { stream: kinesis.Stream; options: ForwarderOptions } {
  const stream = new kinesis.Stream(stack, 'Stream');
  return { stream, options: { sinks: { kinesis: ForwarderSink.kinesis({ stream }) } } };
}

function map(scope: Stack, reader: lambda.IFunction, eventSourceArn: string): void {
  new lambda.EventSourceMapping(scope, 'Mapping', { target: reader, eventSourceArn, startingPosition: LATEST });
}

function transform(stack: Stack, reader: lambda.IFunction, source?: kinesis.IStream): firehose.DeliveryStream {
  return new firehose.DeliveryStream(stack, 'Archive', {
    ...(source && { source: new firehose.KinesisStreamSource(source) }),
    destination: new firehose.S3Bucket(new s3.Bucket(stack, 'Bucket'), {
      processor: new firehose.LambdaFunctionProcessor(reader),
    }),
  });
}

const LOOPS: [string, Loop][] = [
  [
    'a mapping',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      reader.addEventSource(new KinesisEventSource(stream, { startingPosition: LATEST }));
      return options;
    },
  ],
  [
    'a mapping of an alias',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      const live = new lambda.Alias(stack, 'Live', { aliasName: 'live', version: reader.currentVersion });
      live.addEventSource(new KinesisEventSource(stream, { startingPosition: LATEST }));
      return options;
    },
  ],
  [
    'a mapping in another stack',
    ({ app, stack }, reader) => {
      const { stream, options } = toNew(stack);
      map(new Stack(app, 'mappings'), reader, stream.streamArn);
      return options;
    },
  ],
  [
    'enhanced fan-out',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      const consumer = new kinesis.CfnStreamConsumer(stack, 'Consumer', {
        consumerName: 'reader',
        streamArn: stream.streamArn,
      });
      map(stack, reader, consumer.ref);
      return options;
    },
  ],
  [
    'enhanced fan-out by the ARN of a consumer',
    ({ stack }, reader) => {
      map(stack, reader, `${ARN}/consumer/reader:1700000000`);
      return toStream();
    },
  ],
  [
    'a transformation of a delivery stream that reads the stream',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      transform(stack, reader, stream);
      return options;
    },
  ],
  [
    'a transformation of the delivery stream itself',
    ({ stack }, reader) => ({
      sinks: { firehose: ForwarderSink.firehose({ deliveryStream: transform(stack, reader) }) },
    }),
  ],
  [
    'the target of a pipe',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      new pipes.CfnPipe(stack, 'Pipe', { roleArn: 'r', source: stream.streamArn, target: reader.functionArn });
      return options;
    },
  ],
  [
    'the enrichment of a pipe',
    ({ stack }, reader) => {
      const { stream, options } = toNew(stack);
      const enrichment = reader.functionArn;
      new pipes.CfnPipe(stack, 'Pipe', {
        roleArn: 'r',
        source: stream.streamArn,
        target: 'arn:aws:sqs:::q',
        enrichment,
      });
      return options;
    },
  ],
  [
    'a stream by its name here, and by its ARN there',
    ({ stack }, reader) => {
      map(stack, reader, ARN);
      return toStream();
    },
  ],
  [
    'a new stream by the name that it was given',
    ({ stack }, reader) => {
      map(stack, reader, new kinesis.Stream(stack, 'Stream', { streamName: 'telemetry' }).streamArn);
      return toStream();
    },
  ],
  [
    'the two parameters that the stack publishes',
    ({ stack }, reader) => {
      map(stack, reader, ssm.StringParameter.valueForStringParameter(stack, '/telemetry/stream-arn'));
      return toStream(ssm.StringParameter.valueForStringParameter(stack, '/telemetry/stream-name'));
    },
  ],
  [
    'these parameters by dynamic references',
    ({ stack }, reader) => {
      map(stack, reader, '{{resolve:ssm:/telemetry/stream-arn}}');
      return toStream('{{resolve:ssm:/telemetry/stream-name:3}}');
    },
  ],
  [
    'a mapping without a class of its own',
    ({ stack }, reader) => {
      new CfnResource(stack, 'Mapping', {
        type: 'AWS::Lambda::EventSourceMapping',
        properties: { FunctionName: reader.functionName, EventSourceArn: ARN, StartingPosition: 'LATEST' },
      });
      return toStream();
    },
  ],
  [
    'a function by the name that it was given',
    ({ stack }) => {
      map(stack, lambda.Function.fromFunctionName(stack, 'There', 'reader'), ARN);
      return toStream();
    },
  ],
];

function makeReader(stack: Stack): lambda.Function {
  return makeFunction(stack, 'Reader', { functionName: 'reader' });
}

describe.each(LOOPS)('a loop by %s', (_, loop) => {
  test('is refused', () => {
    const shop = makeShop();
    const reader = makeReader(shop.stack);
    shop.forwarder.attach(reader, loop(shop, reader));
    expect(() => shop.app.synth()).toThrow(/shop\/Reader: sinks: the function reads this stream/);
  });

  test('has its function left out by the Aspect, which says so', () => {
    const shop = makeShop();
    const reader = makeReader(shop.stack);
    const options = loop(shop, reader);
    makeFunction(shop.stack, 'Other');
    attachAll(shop, { options });
    expect(saidOf(shop.app).join()).toMatch(/shop\/Reader: This function reads the stream that it would write to/);
    expect(functionOf(shop.stack, 'Reader').Layers).toBeUndefined();
    expect(functionOf(shop.stack, 'Other').Layers).toHaveLength(1);
  });
});

describe('no loop', () => {
  test.each<[string, Loop]>([
    [
      'another stream',
      ({ stack }, reader) => {
        reader.addEventSource(new KinesisEventSource(new kinesis.Stream(stack, 'In'), { startingPosition: LATEST }));
        return toNew(stack).options;
      },
    ],
    [
      'a stream of the same name in another account',
      ({ stack }, reader) => {
        map(stack, reader, ARN);
        return {
          sinks: { kinesis: ForwarderSink.kinesis({ streamArn: ARN.replace('123456789012', '999999999999') }) },
        };
      },
    ],
    [
      'a queue that is known at deployment only',
      ({ stack }, reader) => {
        const queueArn = Fn.importValue('queue');
        reader.addEventSource(new SqsEventSource(sqs.Queue.fromQueueArn(stack, 'Queue', queueArn)));
        return toStream(Fn.importValue('stream'));
      },
    ],
    [
      'another function that reads it',
      ({ stack }) => {
        const { stream, options } = toNew(stack);
        const other = makeFunction(stack, 'Other');
        other.addEventSource(new KinesisEventSource(stream, { startingPosition: LATEST }));
        return options;
      },
    ],
  ])('is %s', (_, make) => {
    const shop = makeShop();
    const reader = makeFunction(shop.stack, 'Reader');
    shop.forwarder.attach(reader, make(shop, reader));
    expect(saidOf(shop.app).filter((said) => said.includes('loop') || said.includes('for ever'))).toEqual([]);
  });
});

describe('what cannot be known is warned of, once', () => {
  test('a stream that is known at deployment only', () => {
    const shop = makeShop(toStream());
    const reader = makeFunction(shop.stack, 'Reader');
    map(shop.stack, reader, Fn.importValue('stream'));
    shop.forwarder.attach(reader);
    const said = saidOf(shop.app).filter((message) => message.includes('cannot be told from'));
    expect(said).toEqual([expect.stringMatching(/^\/shop\/Reader: \/?shop\/Mapping/)]);
  });

  test('a reader that is known at deployment only', () => {
    const shop = makeShop(toStream());
    ['Checkout', 'Search'].forEach((id) => {
      shop.forwarder.attach(makeFunction(shop.stack, id));
    });
    map(shop.stack, lambda.Function.fromFunctionArn(shop.stack, 'There', Fn.importValue('reader')), ARN);
    const said = saidOf(shop.app).filter((message) => message.includes('known at deployment only'));
    expect(said).toHaveLength(1);
  });
});
