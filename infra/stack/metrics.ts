import type { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/** Counters of the forwarder, by function, in CloudWatch's embedded metric format. */
export type ForwarderMetric = 'EventsIn' | 'Delivered' | 'Dropped' | 'Spooled' | 'PutLatency' | 'AddedTime';

/** How the values of several functions become one. */
export type Aggregate = 'SUM' | 'MAX' | 'AVG';

/** The namespace of the forwarder's metrics. */
export const NAMESPACE = 'TelemetryForwarder';

/** The dimension of the forwarder's metrics. */
export const DIMENSION = 'FunctionName';

/** A metric of all functions of this account and region as one number, for alarms. */
export function overAllFunctions(
  metric: ForwarderMetric,
  aggregate: Aggregate,
  period: Duration,
): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression: `SELECT ${aggregate}(${metric}) FROM SCHEMA("${NAMESPACE}", ${DIMENSION})`,
    label: `${metric} (all functions)`,
    period,
  });
}

/** A metric of all channels of this account and region as one number: by which dimensions they are told is not documented. */
export function overAllChannels(metric: string, aggregate: Aggregate, period: Duration): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression: `SELECT ${aggregate}("${metric}") FROM "AWS/Kinesis"`,
    label: `${metric} (all channels)`,
    period,
  });
}

/** The ten functions with the highest values of a metric, for dashboards: a graph of all of them ends at 500. */
export function worstFunctions(
  metric: ForwarderMetric,
  aggregate: Aggregate,
  period: Duration,
): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression:
      `SELECT ${aggregate}(${metric}) FROM SCHEMA("${NAMESPACE}", ${DIMENSION}) ` +
      `GROUP BY ${DIMENSION} ORDER BY ${aggregate}() DESC LIMIT 10`,
    label: '',
    period,
  });
}
