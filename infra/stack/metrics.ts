import type { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';

/** What the forwarder counts, by function, in CloudWatch's embedded metric format. */
export type ForwarderMetric = 'EventsIn' | 'Delivered' | 'Dropped' | 'Spooled' | 'PutLatency' | 'AddedTime';

/** The namespace of the forwarder's metrics. */
export const NAMESPACE = 'TelemetryForwarder';

/** The dimension of the forwarder's metrics. */
export const DIMENSION = 'FunctionName';

/** A metric of all functions of this account and region as one number, for alarms. */
export function overAllFunctions(
  metric: ForwarderMetric,
  aggregate: 'SUM' | 'MAX',
  period: Duration,
): cloudwatch.MathExpression {
  return new cloudwatch.MathExpression({
    expression: `SELECT ${aggregate}(${metric}) FROM SCHEMA("${NAMESPACE}", ${DIMENSION})`,
    label: `${metric} (all functions)`,
    period,
  });
}

/** A metric function by function, for dashboards. */
export function byFunction(metric: ForwarderMetric, statistic: string, period: Duration): cloudwatch.SearchExpression {
  return new cloudwatch.SearchExpression({
    expression: `SEARCH('{${NAMESPACE},${DIMENSION}} MetricName="${metric}"', '${statistic}', ${period.toSeconds()})`,
    label: '',
    period,
  });
}
