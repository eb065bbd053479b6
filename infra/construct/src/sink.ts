import type { IResource, Size } from 'aws-cdk-lib';
import { ArnFormat, Stack, Token, TokenComparison } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import type * as firehose from 'aws-cdk-lib/aws-kinesisfirehose';
import type * as kms from 'aws-cdk-lib/aws-kms';
import type { IConstruct } from 'constructs';
import type { Compression, Envelope, Oversize, PartitionKey, RecordFormat } from './options';
import type { Problem } from './problems';

/** What every sink may be told. */
export interface SinkProps {
  /**
   * How much each event says of where it comes from.
   * @default - the forwarder's `envelope`
   */
  readonly envelope?: Envelope;

  /**
   * What becomes of a line that is longer than a record may be.
   * @default Oversize.SPLIT
   */
  readonly oversize?: Oversize;

  /**
   * The name of the sink that takes what this one could not deliver.
   * @default - none
   */
  readonly fallback?: string;
}

/** What a sink of a service may be told. */
export interface ServiceSinkProps extends SinkProps {
  /**
   * How lines stand in a record.
   * @default RecordFormat.NDJSON
   */
  readonly format?: RecordFormat;

  /**
   * How a whole record is compressed.
   * @default Compression.NONE
   */
  readonly compression?: Compression;

  /**
   * What a record aims at, its key included.
   * @default - 25,000 bytes; 256 KiB before compression
   */
  readonly recordBytes?: Size;

  /**
   * What a call aims at.
   * @default Size.mebibytes(1)
   */
  readonly putBytes?: Size;

  /**
   * What a record may not pass.
   * @default - 1 MiB for Kinesis, 1,000 KiB for Firehose
   */
  readonly maxRecordBytes?: Size;

  /**
   * The region.
   * @default - that of the function, or of the ARN
   */
  readonly region?: string;

  /**
   * The endpoint, for a VPC endpoint without private DNS.
   * @default - the service's
   */
  readonly endpoint?: string;

  /**
   * The ARN of a role that puts are made under, where it is not the function's own. The layer must be built with the
   * feature `assume-role`. The function is then granted `sts:AssumeRole` on that role, and nothing on the stream.
   * @default - the function's own role
   */
  readonly assumeRole?: string;

  /**
   * What the trust policy of that role asks for.
   * @default - none
   */
  readonly externalId?: string;
}

/** A stream of Kinesis Data Streams. Exactly one of `stream`, `streamName` and `streamArn`. */
export interface KinesisSinkProps extends ServiceSinkProps {
  /** The stream. */
  readonly stream?: kinesis.IStream;

  /** The name of a stream in the function's account and region. */
  readonly streamName?: string;

  /** The ARN of a stream, of another account for example. */
  readonly streamArn?: string;

  /**
   * The key that the stream is encrypted with, if it is one of yours.
   * @default - that of `stream`, if it has one
   */
  readonly encryptionKey?: kms.IKey;

  /**
   * What the partition key of a record is.
   * @default PartitionKey.RANDOM
   */
  readonly partitionKey?: PartitionKey;
}

/** A stream of Amazon Data Firehose with direct PUT as its source. Exactly one of the three. */
export interface FirehoseSinkProps extends ServiceSinkProps {
  /** The delivery stream. */
  readonly deliveryStream?: firehose.IDeliveryStream;

  /** The name of a delivery stream in the function's account and region. */
  readonly deliveryStreamName?: string;

  /** The ARN of a delivery stream. */
  readonly deliveryStreamArn?: string;
}

/** The types of sinks, as the forwarder names them. */
export type SinkType = 'kinesis' | 'firehose' | 'stdout';

/** A permission that a sink needs. */
export interface SinkGrant {
  readonly action: string;
  readonly resourceArn: string;
}

/** A sink as a function sees it. */
export interface BoundSink {
  /** Settings by their names in the configuration; those without a value are left out. */
  readonly settings: Record<string, string | number | undefined>;
  /** All that the function must be allowed to do. */
  readonly grants: readonly SinkGrant[];
  /** The ARN of what it writes to, if it is a stream. */
  readonly streamArn?: string;
  /** What is wrong; options relative to the sink. */
  readonly problems: readonly Problem[];
}

/** Where a forwarder sends events. */
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

  /** What it is. */
  public abstract readonly type: SinkType;

  /** The sink as a function, or whatever `scope` is, sees it. */
  public abstract bind(scope: IConstruct): BoundSink;

  /** Lets a principal write to it, and do nothing else. */
  public grantWrite(grantee: iam.IGrantable, scope: IConstruct): iam.Grant[] {
    return this.bind(scope).grants.map(({ action, resourceArn }) =>
      iam.Grant.addToPrincipal({ grantee, actions: [action], resourceArns: [resourceArn] }),
    );
  }
}

class StdoutSink extends ForwarderSink {
  public readonly type = 'stdout';

  constructor(private readonly props: SinkProps) {
    super();
  }

  public bind(): BoundSink {
    return { settings: commonSettings(this.props), grants: [], problems: [] };
  }
}

/** How the target of a service's sink was given. */
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
  public readonly type = 'kinesis';

  constructor(private readonly props: KinesisSinkProps) {
    super(props);
  }

  public bind(scope: IConstruct): BoundSink {
    const { stream, streamName, streamArn, region, partitionKey } = this.props;
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
    return this.bindTo(scope, target, { partition_key: partitionKey }, (arn) => [
      { action: 'kinesis:PutRecords', resourceArn: arn },
      ...(key === undefined ? [] : [{ action: 'kms:GenerateDataKey', resourceArn: key.keyArn }]),
    ]);
  }
}

class FirehoseSink extends ServiceSink {
  public readonly type = 'firehose';

  constructor(private readonly props: FirehoseSinkProps) {
    super(props);
  }

  public bind(scope: IConstruct): BoundSink {
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
    ? { option: names[0] ?? '', wrong: 'nothing says where to', mend: `give one of ${names.join(', ')}` }
    : { option: set[0] ?? '', wrong: `${quoted(set)} are given at once`, mend: `keep one of ${names.join(', ')}` };
}

/** A name where an ARN belongs, or the other way round: deployed, the grant would be on nothing. */
function misnamed(given: Record<string, unknown>): Problem | undefined {
  for (const [option, value] of Object.entries(given)) {
    if (typeof value !== 'string' || Token.isUnresolved(value)) {
      continue;
    }
    const isArn = value.startsWith('arn:');
    if (option.endsWith('Arn') && !isArn) {
      return { option, wrong: `\`${value}\` is no ARN`, mend: `give a name as \`${option.replace(/Arn$/, 'Name')}\`` };
    }
    if (option.endsWith('Name') && isArn) {
      return { option, wrong: `\`${value}\` is an ARN`, mend: `give it as \`${option.replace(/Name$/, 'Arn')}\`` };
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

/** Whether a resource may belong to another account or region than a stack. */
function isElsewhere(resource: IResource, stack: Stack): boolean {
  const differ = (one: string, other: string): boolean =>
    [TokenComparison.DIFFERENT, TokenComparison.ONE_UNRESOLVED].includes(Token.compareStrings(one, other));
  return differ(resource.env.account, stack.account) || differ(resource.env.region, stack.region);
}
