/** What invokes functions of an app with the contents of streams: mappings, pipes, transformations. */

import type { CfnResource } from 'aws-cdk-lib';
import { CfnResource as Resources, Stack, Tokenization } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Answer, Identity } from './identity';
import { identify, isSame, propertyOf } from './identity';

/** The services whose streams a sink writes to. */
export type StreamService = 'kinesis' | 'firehose';

/** A stream that a sink writes to. */
export interface WrittenStream {
  readonly service: StreamService;
  readonly identity: Identity;
}

/** One way from a stream into a function. */
export interface Reader {
  readonly service: StreamService;
  readonly source: Identity;
  readonly target: Identity;
  /** The resource that makes the way, for people. */
  readonly by: IConstruct;
}

/** Whether a function is invoked with what is in a stream, and by what. */
export interface Loop {
  readonly answer: Answer;
  readonly by?: IConstruct;
}

/** All readers in an app. Made once for many functions: it looks at every construct. */
export class Readers {
  /** Finds the readers in the whole app that a construct is in. */
  public static of(construct: IConstruct): Readers {
    return new Readers(construct.node.root.node.findAll().flatMap(readersIn));
  }

  private readonly byFunction = new Map<IConstruct, Reader[]>();
  private readonly others: Reader[] = [];

  private constructor(readers: readonly Reader[]) {
    for (const reader of readers) {
      if (reader.target.kind === 'resource') {
        const those = this.byFunction.get(reader.target.resource) ?? [];
        this.byFunction.set(reader.target.resource, [...those, reader]);
      }
      // A name that was written out may be met by another spelling of the same.
      if (reader.target.kind !== 'resource' || reader.target.name !== undefined) {
        this.others.push(reader);
      }
    }
  }

  /** Whether a function, given by its resource, reads one of the streams. */
  public loop(fn: CfnResource, streams: readonly WrittenStream[]): Loop {
    const self = identify(fn.ref, fn);
    let found: Loop = { answer: 'no' };
    for (const reader of [...(this.byFunction.get(fn) ?? []), ...this.others]) {
      const isTarget = isSame(reader.target, self);
      for (const { identity } of isTarget === 'no' ? [] : streams.filter(({ service }) => service === reader.service)) {
        const isSource = isSame(reader.source, identity);
        if (isTarget === 'yes' && isSource === 'yes') {
          return { answer: 'yes', by: reader.by };
        }
        if (isTarget === 'yes' && isSource === 'unknown') {
          found = { answer: 'unknown', by: reader.by };
        }
      }
    }
    return found;
  }

  /** Ways out of these streams into functions that cannot be told from those of this app. */
  public intoTheUnknown(streams: readonly WrittenStream[]): IConstruct[] {
    return this.others
      .filter(({ target }) => target.kind === 'text' || target.kind === 'parameter')
      .filter((reader) =>
        streams.some(
          ({ service, identity }) => service === reader.service && isSame(reader.source, identity) === 'yes',
        ),
      )
      .map(({ by }) => by);
  }
}

function readersIn(construct: IConstruct): Reader[] {
  if (!Resources.isCfnResource(construct)) {
    return [];
  }
  switch (construct.cfnResourceType) {
    case 'AWS::Lambda::EventSourceMapping':
      return mapping(construct);
    case 'AWS::Pipes::Pipe':
      return pipe(construct);
    case 'AWS::KinesisFirehose::DeliveryStream':
      return transformations(construct);
    default:
      return [];
  }
}

/** A mapping of a queue has no starting position, that of a table's stream the ARN of a table. */
function mapping(resource: CfnResource): Reader[] {
  const source = propertyOf(resource, 'eventSourceArn');
  return source === undefined || propertyOf(resource, 'startingPosition') === undefined || isOther(source)
    ? []
    : [reader(resource, 'kinesis', source, propertyOf(resource, 'functionName'))];
}

function pipe(resource: CfnResource): Reader[] {
  const source = propertyOf(resource, 'source');
  return [propertyOf(resource, 'target'), propertyOf(resource, 'enrichment')]
    .filter((target) => target !== undefined && !isOther(source))
    .map((target) => reader(resource, 'kinesis', source, target));
}

/** A delivery stream that a function transforms: what is put into it, or into the stream that it reads. */
function transformations(resource: CfnResource): Reader[] {
  const functions = lambdaArns((resource as unknown as { cfnProperties: unknown }).cfnProperties, resource);
  const from = propertyOf(resource, 'kinesisStreamSourceConfiguration') as Record<string, unknown> | undefined;
  const source = from?.['kinesisStreamArn'] ?? from?.['KinesisStreamARN'];
  return functions.flatMap((target) => [
    reader(resource, 'firehose', resource.ref, target),
    ...(source === undefined ? [] : [reader(resource, 'kinesis', source, target)]),
  ]);
}

function reader(by: CfnResource, service: StreamService, source: unknown, target: unknown): Reader {
  return { by, service, source: identify(source, by), target: identify(target, by) };
}

/** An ARN of another service than Kinesis. */
function isOther(arn: unknown): boolean {
  return typeof arn === 'string' && /^arn:[^:]*:(?!kinesis:)[\w-]+:/.test(arn);
}

/** The functions among the processors of a delivery stream, wherever they stand in its properties. */
function lambdaArns(properties: unknown, scope: IConstruct): unknown[] {
  if (typeof properties !== 'object' || properties === null) {
    return [];
  }
  if (Tokenization.isResolvable(properties)) {
    return lambdaArns(Stack.of(scope).resolve(properties), scope);
  }
  const members = properties as Record<string, unknown>;
  if ((members['parameterName'] ?? members['ParameterName']) === 'LambdaArn') {
    return [members['parameterValue'] ?? members['ParameterValue']];
  }
  return Object.values(members).flatMap((member) => lambdaArns(member, scope));
}
