import type { IConstruct } from 'constructs';

/** What is wrong with one option. */
export interface Problem {
  /** The option, as its author wrote it: `sinks.kinesis.format`. */
  readonly option: string;

  /** What is wrong with it. */
  readonly wrong: string;

  /** What to do about it. */
  readonly fix: string;
}

/** Options that cannot be deployed. All of them at once, with the path of the construct that they were given to. */
export class ForwarderOptionsError extends Error {
  constructor(
    /** The path of the construct. */
    public readonly path: string,
    /** What is wrong. */
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
