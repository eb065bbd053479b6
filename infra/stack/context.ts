import type { App, Stack } from 'aws-cdk-lib';
import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as kinesis from 'aws-cdk-lib/aws-kinesis';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import { Artifacts } from '../construct/src/artifacts';
import { Compression, FlushStrategy } from '../construct/src/values';
import type { Problem } from '../construct/src/problems';
import { ForwarderOptionsError } from '../construct/src/problems';
import { didYouMean } from '../construct/src/nearest';
import type { StreamArchiveOptions } from './archive-bucket';
import { ArchivedBy } from './archive-bucket';
import { ForwarderLayersStack } from './layers';
import type { TelemetryForwarderStackProps } from './stack';
import { TelemetryForwarderStack } from './stack';
import { TAG_KEYS } from './tags';

/** The value in cdk.json that only stands there so that a first `cdk synth` works. */
export const EXAMPLE = 'example';

/** Makes the stack that the context asks for: `-c key=value`, or `context` in cdk.json. docs/DEPLOY.md lists the keys. */
export function stackFromContext(app: App): Stack {
  const context = new Context(app);
  const name = context.text('stackName') ?? 'telemetry-forwarder';
  const isLayersOnly = context.choice('only', { layers: true }) ?? false;
  const props = readProps(context);
  context.refuse(name);
  const stack = isLayersOnly
    ? new ForwarderLayersStack(app, name, { ...props, ...props.stream })
    : new TelemetryForwarderStack(app, name, props);
  const examples = Object.values(TAG_KEYS).filter((key) => context.text(key) === EXAMPLE);
  if (examples.length > 0) {
    Annotations.of(stack).addWarningV2(
      'telemetry-forwarder:exampleTags',
      `${examples.join(', ')}: \`${EXAMPLE}\` is nobody's. Give your own in cdk.json or by -c before you deploy.`,
    );
  }
  return stack;
}

function readProps(context: Context): TelemetryForwarderStackProps {
  const dist = context.text('dist');
  const architecture = context.choice('architecture', {
    x86_64: lambda.Architecture.X86_64,
    arm64: lambda.Architecture.ARM_64,
  });
  const logRetention = context.choice('logRetentionDays', RETENTION_DAYS);
  const ofFunctions = { architecture, logRetention };
  return {
    // What is missing is refused by the stack, which names all that are.
    costTags: {
      costCenter: context.text(TAG_KEYS.costCenter) ?? '',
      environment: context.text(TAG_KEYS.environment) ?? '',
      application: context.text(TAG_KEYS.application) ?? '',
      owner: context.text(TAG_KEYS.owner) ?? '',
    },
    artifacts: Artifacts.fromDirectory(dist),
    stream: present({
      mode: context.choice('streamMode', {
        'on-demand': kinesis.StreamMode.ON_DEMAND,
        provisioned: kinesis.StreamMode.PROVISIONED,
      }),
      shardCount: context.whole('shardCount', 1, 20_000),
      retention: hours(context.whole('retentionHours', 1)),
      producerAccounts: context.list('producerAccounts', /^\d{12}$/, 'an account id of 12 digits'),
      removalPolicy: context.choice('streamRemoval', { destroy: RemovalPolicy.DESTROY, retain: RemovalPolicy.RETAIN }),
      existingName: context.text('streamName'),
      existingArn: context.text('streamArn'),
      existingKeyArn: context.text('streamKeyArn'),
    }),
    forwarder: present({
      routes: context.text('routes'),
      flush: present({ strategy: context.choice('flushStrategy', byValue(Object.values(FlushStrategy))) }),
    }),
    ...present({
      compression: context.choice('compression', byValue(Object.values(Compression))),
      archive: readArchive(context),
      consumer: context.flag('consumer') ? present(ofFunctions) : undefined,
      parameterPrefix: context.text('parameterPrefix'),
    }),
    testFunction: context.flag('testFunction', true)
      ? present({
          ...ofFunctions,
          memorySize: context.whole('memoryMb', 128, 10_240),
          timeout: seconds(context.whole('timeoutSeconds', 1, 900)),
          schedule: schedule(context),
          scheduleEnabled: context.flag('scheduleEnabled'),
        })
      : false,
    alarms: present({
      email: context.text('alarmEmail'),
      iteratorAge: minutes(context.whole('iteratorAgeMinutes', 1)),
    }),
  };
}

function readArchive(context: Context): StreamArchiveOptions | undefined {
  const by = context.choice('archive', { true: ArchivedBy.FIREHOSE, false: undefined, channel: ArchivedBy.CHANNEL });
  const expiration = days(context.whole('archiveDays', 31));
  return by === undefined ? undefined : present({ by, expiration });
}

/** Retention of CloudWatch logs: the days that it allows. */
const RETENTION_DAYS: Readonly<Record<string, logs.RetentionDays>> = Object.fromEntries(
  Object.values(logs.RetentionDays)
    .filter((days): days is logs.RetentionDays => typeof days === 'number' && days !== logs.RetentionDays.INFINITE)
    .map((days) => [String(days), days]),
);

const days = (number?: number): Duration | undefined => (number === undefined ? undefined : Duration.days(number));
const hours = (number?: number): Duration | undefined => (number === undefined ? undefined : Duration.hours(number));
const minutes = (number?: number): Duration | undefined =>
  number === undefined ? undefined : Duration.minutes(number);
const seconds = (number?: number): Duration | undefined =>
  number === undefined ? undefined : Duration.seconds(number);

function schedule(context: Context): events.Schedule | undefined {
  const expression = context.text('schedule');
  if (expression !== undefined && !/^(rate|cron)\(.+\)$/.test(expression)) {
    context.problem(
      'schedule',
      `\`${expression}\` is no schedule`,
      'write it as in `rate(5 minutes)` or `cron(0 8 * * ? *)`',
    );
    return undefined;
  }
  return expression === undefined ? undefined : events.Schedule.expression(expression);
}

function byValue<T extends string>(values: readonly T[]): Record<string, T> {
  return Object.fromEntries(values.map((value) => [value, value]));
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the members that have no value, so that defaults hold. */
function present<T extends object>(some: T): Present<T> {
  return Object.fromEntries(Object.entries(some).filter(([, value]) => value !== undefined)) as Present<T>;
}

/** Typed reads of the context, which collect what is wrong. */
class Context {
  private readonly problems: Problem[] = [];

  constructor(private readonly app: App) {}

  public text(key: string): string | undefined {
    const value: unknown = this.app.node.tryGetContext(key);
    if (value === undefined || value === '') {
      return undefined;
    }
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      return String(value);
    }
    this.problem(key, 'this is no text', 'write one value');
    return undefined;
  }

  public flag(key: string, byDefault = false): boolean {
    return this.choice(key, { true: true, false: false }) ?? byDefault;
  }

  public choice<T>(key: string, choices: Readonly<Record<string, T>>): T | undefined {
    const text = this.text(key);
    const names = Object.keys(choices);
    if (text !== undefined && !names.includes(text)) {
      this.problem(key, `\`${text}\` is not allowed${didYouMean(text, names)}`, `write one of ${names.join(', ')}`);
    }
    return text === undefined ? undefined : choices[text];
  }

  public whole(key: string, least: number, most = Number.MAX_SAFE_INTEGER): number | undefined {
    const text = this.text(key);
    if (text === undefined) {
      return undefined;
    }
    const number = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (number >= least && number <= most) {
      return number;
    }
    const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
    this.problem(key, `\`${text}\` is not allowed`, `write a whole number ${range}`);
    return undefined;
  }

  public list(key: string, shape: RegExp, named: string): string[] | undefined {
    const items = this.text(key)
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
    items
      ?.filter((item) => !shape.test(item))
      .forEach((item) => {
        this.problem(key, `\`${item}\` is not ${named}`, 'write them with commas between them');
      });
    return items;
  }

  public problem(option: string, wrong: string, fix: string): void {
    this.problems.push({ option, wrong, fix });
  }

  public refuse(path: string): void {
    if (this.problems.length > 0) {
      throw new ForwarderOptionsError(path, this.problems);
    }
  }
}
