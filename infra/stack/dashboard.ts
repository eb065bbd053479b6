import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type * as kinesis from 'aws-cdk-lib/aws-kinesis';
import { Construct } from 'constructs';
import type { Aggregate, ForwarderMetric } from './metrics';
import { overAllFunctions, worstFunctions } from './metrics';

/** Content of the dashboard. */
export interface ForwarderDashboardProps {
  /** The stream. */
  readonly stream: kinesis.IStream;
  /** It is made by the stack: what it takes is known. */
  readonly isNew: boolean;
  /** Shards of a provisioned stream; absent where the stream scales by itself. */
  readonly shardCount?: number;
  /** Shown at the top. */
  readonly alarms: readonly cloudwatch.IAlarm[];
}

const PERIOD = Duration.minutes(1);
const MIB = 1_048_576;

/** Capacity of a shard in a second. Kinesis quotas. */
const SHARD_BYTES = MIB;
const SHARD_RECORDS = 1_000;

/** Capacity of a new on-demand stream in a second; later up to twice its peak of the last 30 days. Kinesis quotas. */
const ON_DEMAND_BYTES = 4 * MIB;
const ON_DEMAND_RECORDS = 4_000;

/** Events in, delivered, dropped, spooled; put latency, added time; throughput against limit. */
export class ForwarderDashboard extends Construct {
  public readonly dashboard: cloudwatch.Dashboard;

  constructor(scope: Construct, id: string, props: ForwarderDashboardProps) {
    super(scope, id);
    this.dashboard = new cloudwatch.Dashboard(this, 'Dashboard', { defaultInterval: Duration.hours(3) });
    this.dashboard.addWidgets(
      new cloudwatch.AlarmStatusWidget({ title: 'Alarms', alarms: [...props.alarms], width: 24, height: 3 }),
    );
    for (const row of [CHARTS.slice(0, 3), CHARTS.slice(3)]) {
      this.dashboard.addWidgets(...row.map(all));
      this.dashboard.addWidgets(...row.map(worst));
    }
    this.dashboard.addWidgets(...throughput(props));
  }
}

/** What is shown of the forwarders. */
interface Chart {
  readonly title: string;
  readonly metric: ForwarderMetric;
  readonly aggregate: Aggregate;
  readonly label: string;
}

const CHARTS: readonly Chart[] = [
  { title: 'Events in', metric: 'EventsIn', aggregate: 'SUM', label: 'events a minute' },
  { title: 'Delivered', metric: 'Delivered', aggregate: 'SUM', label: 'events a minute' },
  { title: 'Dropped', metric: 'Dropped', aggregate: 'SUM', label: 'events a minute' },
  { title: 'Spooled', metric: 'Spooled', aggregate: 'MAX', label: 'events on disk' },
  { title: 'Put latency', metric: 'PutLatency', aggregate: 'AVG', label: 'ms' },
  { title: 'Added time', metric: 'AddedTime', aggregate: 'AVG', label: 'ms an invocation' },
];

function all({ title, metric, aggregate, label }: Chart): cloudwatch.GraphWidget {
  return chart(`${title}: all functions`, overAllFunctions(metric, aggregate, PERIOD), label);
}

function worst({ title, metric, aggregate, label }: Chart): cloudwatch.GraphWidget {
  return chart(`${title}: the ten highest`, worstFunctions(metric, aggregate, PERIOD), label);
}

function chart(title: string, metric: cloudwatch.IMetric, label: string): cloudwatch.GraphWidget {
  return new cloudwatch.GraphWidget({
    title,
    left: [metric],
    leftYAxis: { label, min: 0, showUnits: false },
    width: 8,
  });
}

function throughput({ stream, isNew, shardCount }: ForwarderDashboardProps): cloudwatch.IWidget[] {
  const of = shardCount === undefined ? 'a new on-demand stream' : `${shardCount} shards`;
  const bytes = shardCount === undefined ? ON_DEMAND_BYTES : shardCount * SHARD_BYTES;
  const records = shardCount === undefined ? ON_DEMAND_RECORDS : shardCount * SHARD_RECORDS;
  const limit = (value: number): cloudwatch.HorizontalAnnotation[] =>
    isNew ? [{ value, label: `limit of ${of}`, color: cloudwatch.Color.RED }] : [];
  const sum = { statistic: 'Sum', period: PERIOD };
  const aSecond = (metric: cloudwatch.IMetric, label: string): cloudwatch.MathExpression =>
    new cloudwatch.MathExpression({
      expression: 'written / PERIOD(written)',
      usingMetrics: { written: metric },
      label,
      period: PERIOD,
    });
  return [
    new cloudwatch.GraphWidget({
      title: 'Throughput against limit: bytes',
      left: [aSecond(stream.metricIncomingBytes(sum), 'bytes a second')],
      leftAnnotations: limit(bytes),
      leftYAxis: { min: 0, showUnits: false },
      width: 8,
    }),
    new cloudwatch.GraphWidget({
      title: 'Throughput against limit: records',
      left: [aSecond(stream.metricIncomingRecords(sum), 'records a second')],
      leftAnnotations: limit(records),
      leftYAxis: { min: 0, showUnits: false },
      width: 8,
    }),
    new cloudwatch.GraphWidget({
      title: 'Refused writes, and how late readers are',
      left: [stream.metricWriteProvisionedThroughputExceeded({ ...sum, label: 'refused records' })],
      right: [
        stream.metricGetRecordsIteratorAgeMilliseconds({ statistic: 'Maximum', period: PERIOD, label: 'iterator age' }),
      ],
      leftYAxis: { min: 0, showUnits: false },
      rightYAxis: { label: 'ms', min: 0, showUnits: false },
      width: 8,
    }),
  ];
}
