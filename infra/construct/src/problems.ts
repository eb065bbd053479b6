import type { IConstruct } from 'constructs';

/** Mistake in one option. */
export interface Problem {
  /** The option, as its author wrote it: `sinks.kinesis.format`. */
  readonly option: string;

  /** The error in it. */
  readonly wrong: string;

  /** Way to fix it. */
  readonly fix: string;
}

/** Options that cannot be deployed. All of them at once, with the path of the construct that they were given to. */
export class ForwarderOptionsError extends Error {
  constructor(
    /** The path of the construct. */
    public readonly path: string,
    /** The mistake. */
    public readonly problems: readonly Problem[],
  ) {
    super(problems.map((problem) => `${path}: ${inWords(problem)}`).join('\n'));
    this.name = 'ForwarderOptionsError';
  }
}

/** A problem in one sentence. */
export function inWords({ option, wrong, fix }: Problem): string {
  return `${option}: ${wrong}; ${fix}`;
}

/** Throws if there is a problem. */
export function refuse(construct: IConstruct, problems: readonly Problem[]): void {
  if (problems.length > 0) {
    throw new ForwarderOptionsError(construct.node.path || 'App', problems);
  }
}
