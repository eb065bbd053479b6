import type { Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { NagPackSuppression } from 'cdk-nag';
import { NagSuppressions } from 'cdk-nag';

/** Findings of cdk-nag and why they are accepted, by the path below the stack. A test refuses what finds nothing. */
export const EXPLAINED: Readonly<Record<string, readonly NagPackSuppression[]>> = {
  'Stream/Stream/Resource': [
    {
      id: 'AwsSolutions-KDS3',
      reason:
        'The key is one of this stack on purpose: the key aws/kinesis cannot be opened to the functions of other accounts, and who may read telemetry is decided by the key as well.',
    },
  ],
  'Consumer/Failures/Resource': [
    {
      id: 'AwsSolutions-SQS3',
      reason: 'It is a dead-letter queue itself: of an event source mapping, which the rule does not look at.',
    },
  ],
  'Archive/Bucket/Resource': [
    {
      id: 'AwsSolutions-S1',
      reason:
        'Nothing but the service writes here, and who reads is in CloudTrail: data events tell the caller, which server access logs, best-effort as they are, do not.',
    },
  ],
  'Archive/Role/Resource': [
    {
      id: 'AwsSolutions-IAM5',
      reason:
        'The service chooses the names of objects; the wildcard stands below the two prefixes that it is told to use.',
      appliesTo: [{ regex: String.raw`/^Resource::<ArchiveBucket.*\.Arn>/(telemetry|errors)/\*$/` }],
    },
  ],
  'Archive/DeliveryStream/Resource': [
    {
      id: 'AwsSolutions-KDF1',
      reason:
        'Its source is a Kinesis stream that is encrypted itself: Firehose then keeps nothing of its own, and refuses a setting for it.',
    },
  ],
};

/** Puts the reasons where cdk-nag looks for them. */
export function explainFindings(stack: Stack): void {
  for (const [path, suppressions] of Object.entries(EXPLAINED)) {
    const resource = findResource(stack, path);
    if (resource !== undefined) {
      NagSuppressions.addResourceSuppressions(resource, [...suppressions]);
    }
  }
}

function findResource(stack: Stack, path: string): IConstruct | undefined {
  return path.split('/').reduce<IConstruct | undefined>((node, id) => node?.node.tryFindChild(id), stack);
}
