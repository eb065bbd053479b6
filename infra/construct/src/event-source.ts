import { Stack } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';

/** Whether an event source mapping of this app invokes the function, or a version or alias of it, with what is in the stream. */
export function readsStream(fn: lambda.Function, streamArn: string): boolean {
  const stack = Stack.of(fn);
  const text = (value: unknown): string => JSON.stringify(stack.resolve(value));
  const nodes = fn.node.root.node.findAll();
  const isOfIt = (node: IConstruct): node is lambda.Version | lambda.Alias =>
    (node instanceof lambda.Version || node instanceof lambda.Alias) && node.lambda === fn;
  // The mapping names the function by its reference, by its ARN, or by its name.
  const names = [fn, ...nodes.filter(isOfIt)].flatMap(({ functionName, functionArn }) => [functionName, functionArn]);
  return nodes.some(
    (node) =>
      node instanceof lambda.CfnEventSourceMapping &&
      Stack.of(node) === stack &&
      names.some((name) => text(node.functionName) === text(name)) &&
      text(node.eventSourceArn) === text(streamArn),
  );
}
