/** Sinks as functions see them: settings, permissions, and what is wrong. */

import type { Problem } from './problems';

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
  /** Mistakes; options relative to the sink. */
  readonly problems: readonly Problem[];
}
