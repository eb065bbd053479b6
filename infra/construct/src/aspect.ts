import { Annotations } from 'aws-cdk-lib';
import type { IAspect } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { IConstruct } from 'constructs';
import { readsStream } from './event-source';
import { isAtEdge, isImage, TelemetryForwarder } from './forwarder';
import type { ForwarderOptions } from './options';

/** Which functions get the forwarder, and how. */
export interface AttachTelemetryForwarderProps {
  /**
   * Options for all of them.
   * @default - the forwarder's own
   */
  readonly options?: ForwarderOptions;

  /**
   * Which functions.
   * @default - all
   */
  readonly include?: (fn: lambda.Function) => boolean;
}

/**
 * Puts the forwarder on every function of an app, a stack or a construct. Functions that have it already are left alone,
 * and so are those that cannot or must not have it: of container images, of Lambda@Edge, and readers of the stream that would
 * be written to.
 *
 * @example
 * Aspects.of(app).add(new AttachTelemetryForwarder(forwarder), { priority: AspectPriority.MUTATING });
 */
export class AttachTelemetryForwarder implements IAspect {
  constructor(
    private readonly forwarder: TelemetryForwarder,
    private readonly props: AttachTelemetryForwarderProps = {},
  ) {}

  public visit(node: IConstruct): void {
    if (
      !(node instanceof lambda.Function) ||
      TelemetryForwarder.isAttachedTo(node) ||
      this.props.include?.(node) === false
    ) {
      return;
    }
    if (isImage(node)) {
      Annotations.of(node).addInfo(
        'This function is a container image, which takes no layers: copy the extension into the image, see docs/DEPLOY.md.',
      );
      return;
    }
    if (isAtEdge(node)) {
      Annotations.of(node).addInfo(
        'This function runs at the edge, which takes no layers: it goes without the forwarder.',
      );
      return;
    }
    const options = this.props.options ?? {};
    if (this.forwarder.streamArns(node, options).some((arn) => readsStream(node, arn))) {
      Annotations.of(node).addInfo(
        'This function reads the stream that it would write to: it goes without the forwarder.',
      );
      return;
    }
    this.forwarder.attach(node, options);
  }
}
