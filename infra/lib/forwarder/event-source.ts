import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';

/** Whether an event source mapping of this app invokes the function with what is in the stream. */
export function readsStream(fn: lambda.Function, streamArn: string): boolean {
  const stack = Stack.of(fn);
  const text = (value: unknown): string => JSON.stringify(stack.resolve(value));
  return fn.node.root.node.findAll().some(
    (node) =>
      node instanceof lambda.CfnEventSourceMapping &&
      Stack.of(node) === stack &&
      // The mapping names the function by its reference, by its ARN, or by its name.
      [fn.functionName, fn.functionArn].some((name) => text(node.functionName) === text(name)) &&
      text(node.eventSourceArn) === text(streamArn),
  );
}
