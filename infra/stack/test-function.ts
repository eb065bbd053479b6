import { Duration } from 'aws-cdk-lib';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import type { Construct } from 'constructs';
import type { Artifacts } from '../construct/src/artifacts';
import type { FunctionOptions } from './function';
import { ProvidedFunction } from './function';

/** The function that shows that it works: it logs and fails as its event says. */
export interface TestFunctionOptions extends FunctionOptions {
  /**
   * Rate of invocations once its schedule is on.
   * @default Schedule.rate(Duration.minutes(5))
   */
  readonly schedule?: events.Schedule;

  /**
   * True if the schedule is on.
   * @default false
   */
  readonly scheduleEnabled?: boolean;
}

/** Payload of the schedule: a mix of levels, so that alarms and dashboards have something to show. */
const SCHEDULED_EVENT = { lines: 10, level: 'mixed', format: 'json', message: 'scheduled' };

/** The test function, with its schedule. */
export class TestFunction extends ProvidedFunction {
  constructor(scope: Construct, id: string, artifacts: Artifacts, options: TestFunctionOptions) {
    super(scope, id, {
      ...options,
      artifacts,
      artifact: 'test-function',
      description: 'Logs and fails as its event says, to try the telemetry forwarder with',
      // Lambda's smallest: where the forwarder holds there, it holds everywhere.
      memorySize: options.memorySize ?? 128,
      timeout: options.timeout ?? Duration.seconds(10),
    });
    // An event that makes it fail should do so once.
    this.function.configureAsyncInvoke({ retryAttempts: 0 });
    new events.Rule(this, 'Schedule', {
      description: 'Invokes the test function of the telemetry forwarder',
      schedule: options.schedule ?? events.Schedule.rate(Duration.minutes(5)),
      enabled: options.scheduleEnabled ?? false,
      targets: [
        new targets.LambdaFunction(this.function, { event: events.RuleTargetInput.fromObject(SCHEDULED_EVENT) }),
      ],
    });
  }
}
