/** What is known of attached functions only when the app is complete: looked at once a stack, when it is validated. */

import { Annotations, Stack } from 'aws-cdk-lib';
import type * as lambda from 'aws-cdk-lib/aws-lambda';
import { asFunction, resourceOf, variablesOf } from './functions';
import type { WrittenStream } from './loops/readers';
import { Readers } from './loops/readers';
import { sharesDenial } from './permissions';
import { inWords } from './problems';
import { bytesOf, checkVariables, MAX_VARIABLES_BYTES } from './variables';

/** What a function has got. */
export interface Watched {
  readonly streams: readonly WrittenStream[];
  /** Its layer may change without a change of the template. */
  readonly changesUnseen: boolean;
}

const WATCHED = new WeakMap<Stack, Map<lambda.Function, Watched>>();

/** Looks at a function again when its stack is validated. */
export function watch(fn: lambda.Function, watched: Watched): void {
  const stack = Stack.of(fn);
  let functions = WATCHED.get(stack);
  if (functions === undefined) {
    functions = new Map();
    WATCHED.set(stack, functions);
    const those = functions;
    stack.node.addValidation({ validate: () => validate(stack, those) });
  }
  functions.set(fn, watched);
}

function validate(stack: Stack, functions: ReadonlyMap<lambda.Function, Watched>): string[] {
  const readers = Readers.of(stack);
  let all: lambda.Function[] | undefined;
  const everyFunction = (): lambda.Function[] =>
    (all ??= stack.node.root.node.findAll().flatMap((node) => asFunction(node) ?? []));
  reportUnknownReaders(stack, readers, functions);
  return [...functions].flatMap(([fn, watched]) => {
    if (watched.changesUnseen) {
      warnOfVersions(fn);
    }
    return [...loops(fn, watched, readers), ...sharesDenial(fn, everyFunction), ...variables(fn)].map(
      (problem) => `${fn.node.path}: ${problem}`,
    );
  });
}

/** A function that reads the stream that it writes to would be invoked by its own logs, for ever. */
function loops(fn: lambda.Function, { streams }: Watched, readers: Readers): string[] {
  const { answer, by } = readers.loop(resourceOf(fn), streams);
  const path = by?.node.path ?? '';
  if (answer === 'unknown') {
    Annotations.of(fn).addWarningV2(
      'telemetry-forwarder:maybeLoop',
      `${path} invokes this function with a stream that cannot be told from the one that its telemetry goes to. If they are ` +
        'one, its own logs invoke it for ever: leave the forwarder off.',
    );
  }
  return answer === 'yes'
    ? [
        `sinks: the function reads this stream (by ${path}): its own logs would invoke it for ever; ` +
          'leave the forwarder off this function, or write to another stream',
      ]
    : [];
}

function reportUnknownReaders(stack: Stack, readers: Readers, functions: ReadonlyMap<lambda.Function, Watched>): void {
  const ways = readers.intoTheUnknown([...functions.values()].flatMap(({ streams }) => streams));
  if (ways.length > 0) {
    const paths = [...new Set(ways.map(({ node }) => node.path))].join(', ');
    Annotations.of(stack).addWarningV2(
      'telemetry-forwarder:unknownReader',
      `${paths}: the stream that telemetry goes to invokes functions here that are known at deployment only. See that none of ` +
        'them has the forwarder: its own logs would invoke it for ever.',
    );
  }
}

/** Variables may have been added after the forwarder was. */
function variables(fn: lambda.Function): string[] {
  const all = variablesOf(fn);
  const bytes = bytesOf(all);
  const tooLong = `variables: they take ${bytes} bytes, and Lambda allows ${MAX_VARIABLES_BYTES} for all of a function`;
  return [...checkVariables(all).map(inWords), ...(bytes > MAX_VARIABLES_BYTES ? [tooLong] : [])];
}

function warnOfVersions(fn: lambda.Function): void {
  const hasVersion = fn.node.tryFindChild('CurrentVersion') !== undefined;
  if (hasVersion || resourceOf(fn).snapStart !== undefined) {
    Annotations.of(fn).addWarningV2(
      'telemetry-forwarder:latestBehindVersion',
      'The layer is the `latest` one, which no version of this function takes up: with a new release its alias, SnapStart and ' +
        'provisioned concurrency stay with the old. Name a release: `ForwarderLayers.fromParameterStore(…, { version })`.',
    );
  }
}
