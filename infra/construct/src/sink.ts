import type { IResource } from 'aws-cdk-lib';
import { ArnFormat, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IConstruct } from 'constructs';
import type { BoundSink, SinkGrant } from './bound-sink';
import type { FirehoseSinkProps, KinesisSinkProps, ServiceSinkProps, SinkProps } from './options';
import type { Problem } from './problems';
import { RecordFormat } from './values';

/** A place that a forwarder sends events to. */
export abstract class ForwarderSink {
  /** Kinesis Data Streams. */
  public static kinesis(props: KinesisSinkProps): ForwarderSink {
    return new KinesisSink(props);
  }

  /** Amazon Data Firehose. */
  public static firehose(props: FirehoseSinkProps): ForwarderSink {
    return new FirehoseSink(props);
  }

  /** Standard output, and so the function's log group. */
  public static stdout(props: SinkProps = {}): ForwarderSink {
    return new StdoutSink(props);
  }

  /** Sink type, as the configuration names it. */
  public abstract readonly type: string;

  /**
   * The sink as a function, or whatever `scope` is, sees it.
   * @internal
   */
  public abstract _bind(scope: IConstruct): BoundSink;

  /** Lets a principal write to it, and do nothing else. */
  public grantWrite(grantee: iam.IGrantable, scope: IConstruct): iam.Grant[] {
    return this._bind(scope).grants.map(({ action, resourceArn }) =>
      iam.Grant.addToPrincipal({ grantee, actions: [action], resourceArns: [resourceArn] }),
    );
  }
}

class StdoutSink extends ForwarderSink {
  public readonly type: string = 'stdout';

  constructor(private readonly props: SinkProps) {
    super();
  }

  /** @internal */
  public _bind(): BoundSink {
    return { settings: commonSettings(this.props), grants: [], problems: [] };
  }
}

/** Form in which the target of a service's sink was given. */
interface Target {
  /** The options that may name it, and what stands in them. */
  readonly given: Record<string, unknown>;
  readonly arn: (stack: Stack) => string;
  readonly value: (stack: Stack) => string;
}

abstract class ServiceSink extends ForwarderSink {
  constructor(protected readonly serviceProps: ServiceSinkProps) {
    super();
  }

  protected bindTo(
    scope: IConstruct,
    target: Target,
    more: BoundSink['settings'],
    grants: (arn: string) => SinkGrant[],
  ): BoundSink {
    const props = this.serviceProps;
    const settings = { ...commonSettings(props), ...packing(props), ...more };
    const problem = exactlyOne(target.given) ?? misnamed(target.given);
    if (problem !== undefined) {
      return { settings, grants: [], problems: [problem] };
    }
    const stack = Stack.of(scope);
    const streamArn = target.arn(stack);
    const role = props.assumeRole;
    return {
      settings: { ...settings, stream: target.value(stack) },
      grants: role === undefined ? grants(streamArn) : [{ action: 'sts:AssumeRole', resourceArn: role }],
      streamArn,
      problems: [],
    };
  }
}

class KinesisSink extends ServiceSink {
  public readonly type: string = 'kinesis';

  constructor(private readonly props: KinesisSinkProps) {
    super(props);
  }

  /** @internal */
  public _bind(scope: IConstruct): BoundSink {
    const { stream, streamName, streamArn, region, partitionKey, protocol } = this.props;
    const key = this.props.encryptionKey ?? stream?.encryptionKey;
    const named = (stack: Stack): string => formatArn(stack, 'kinesis', 'stream', streamName ?? '', region);
    const target: Target = {
      given: { stream, streamName, streamArn },
      arn: (stack) => stream?.streamArn ?? streamArn ?? named(stack),
      // By name requests go to the region's endpoint, which VPC endpoints cover; only another account needs the ARN.
      value: (stack) =>
        stream === undefined
          ? (streamArn ?? streamName ?? '')
          : isElsewhere(stream, stack)
            ? stream.streamArn
            : stream.streamName,
    };
    const isKpl = this.props.format === RecordFormat.KPL;
    const bound = this.bindTo(scope, target, { partition_key: partitionKey, protocol }, (arn) => [
      { action: 'kinesis:PutRecords', resourceArn: arn },
      // The extension looks once if the stream spreads records itself, which KCL readers of aggregates lose lines by.
      ...(isKpl ? [{ action: 'kinesis:DescribeStreamSummary', resourceArn: arn }] : []),
      ...(key === undefined ? [] : [{ action: 'kms:GenerateDataKey', resourceArn: key.keyArn }]),
    ]);
    const problems = isKpl && isAuto(stream) ? [...bound.problems, KPL_ON_AUTO] : bound.problems;
    return { ...bound, problems };
  }
}

const KPL_ON_AUTO: Problem = {
  option: 'format',
  wrong: 'the stream distributes records by AUTO, and KCL readers lose lines of KPL aggregates there',
  fix: 'use `ndjson`, or leave the stream at USER_PARTITION_KEY',
};

/** A stream that is made here and spreads records itself. Older versions of the CDK do not know the property. */
function isAuto(stream: IConstruct | undefined): boolean {
  const resource = stream?.node.defaultChild as { readonly recordDistributionStrategy?: unknown } | undefined;
  return resource?.recordDistributionStrategy === 'AUTO';
}

class FirehoseSink extends ServiceSink {
  public readonly type: string = 'firehose';

  constructor(private readonly props: FirehoseSinkProps) {
    super(props);
  }

  /** @internal */
  public _bind(scope: IConstruct): BoundSink {
    const { deliveryStream, deliveryStreamName, deliveryStreamArn, region } = this.props;
    const named = (stack: Stack): string =>
      formatArn(stack, 'firehose', 'deliverystream', deliveryStreamName ?? '', region);
    const target: Target = {
      given: { deliveryStream, deliveryStreamName, deliveryStreamArn },
      arn: (stack) => deliveryStream?.deliveryStreamArn ?? deliveryStreamArn ?? named(stack),
      value: (stack) =>
        deliveryStream === undefined
          ? (deliveryStreamArn ?? deliveryStreamName ?? '')
          : isElsewhere(deliveryStream, stack)
            ? deliveryStream.deliveryStreamArn
            : deliveryStream.deliveryStreamName,
    };
    return this.bindTo(scope, target, {}, (arn) => [{ action: 'firehose:PutRecordBatch', resourceArn: arn }]);
  }
}

function commonSettings(props: SinkProps): BoundSink['settings'] {
  return { envelope: props.envelope, oversize: props.oversize, fallback: props.fallback };
}

function packing(props: ServiceSinkProps): BoundSink['settings'] {
  return {
    format: props.format,
    compression: props.compression,
    record_bytes: props.recordBytes?.toBytes(),
    put_bytes: props.putBytes?.toBytes(),
    max_record_bytes: props.maxRecordBytes?.toBytes(),
    region: props.region,
    endpoint: props.endpoint,
    assume_role: props.assumeRole,
    external_id: props.externalId,
  };
}

function exactlyOne(given: Record<string, unknown>): Problem | undefined {
  const names = Object.keys(given);
  const set = names.filter((name) => given[name] !== undefined && given[name] !== '');
  const quoted = (some: string[]): string => some.map((name) => `\`${name}\``).join(' and ');
  if (set.length === 1) {
    return undefined;
  }
  return set.length === 0
    ? { option: names[0] ?? '', wrong: 'nothing says where to', fix: `give one of ${names.join(', ')}` }
    : { option: set[0] ?? '', wrong: `${quoted(set)} are given at once`, fix: `keep one of ${names.join(', ')}` };
}

/** A name where an ARN belongs, or the other way round: deployed, the grant would be on nothing. */
function misnamed(given: Record<string, unknown>): Problem | undefined {
  for (const [option, value] of Object.entries(given)) {
    if (typeof value !== 'string' || Token.isUnresolved(value)) {
      continue;
    }
    const isArn = value.startsWith('arn:');
    if (option.endsWith('Arn') && !isArn) {
      return { option, wrong: `\`${value}\` is no ARN`, fix: `give a name as \`${option.replace(/Arn$/, 'Name')}\`` };
    }
    if (option.endsWith('Name') && isArn) {
      return { option, wrong: `\`${value}\` is an ARN`, fix: `give it as \`${option.replace(/Name$/, 'Arn')}\`` };
    }
  }
  return undefined;
}

function formatArn(stack: Stack, service: string, resource: string, resourceName: string, region?: string): string {
  return stack.formatArn({
    service,
    resource,
    resourceName,
    arnFormat: ArnFormat.SLASH_RESOURCE_NAME,
    ...(region === undefined ? {} : { region }),
  });
}

/** True if a resource may belong to another account or region than a stack. */
function isElsewhere(resource: IResource, stack: Stack): boolean {
  const differ = (one: string, other: string): boolean =>
    [TokenComparison.DIFFERENT, TokenComparison.ONE_UNRESOLVED].includes(Token.compareStrings(one, other));
  return differ(resource.env.account, stack.account) || differ(resource.env.region, stack.region);
}
