import { Tags } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Tags of every resource: who pays, where it runs, what it belongs to, whom to ask. */
export interface CostTags {
  /** `CostCenter` */
  readonly costCenter: string;
  /** `Environment` */
  readonly environment: string;
  /** `Application` */
  readonly application: string;
  /** `Owner` */
  readonly owner: string;
}

/** The keys of the tags. Cost allocation is by these names: they must be activated once in the payer's billing console. */
export const TAG_KEYS: Readonly<Record<keyof CostTags, string>> = {
  costCenter: 'CostCenter',
  environment: 'Environment',
  application: 'Application',
  owner: 'Owner',
};

/** Tags everything below a construct that can have tags. */
export function tagAll(scope: IConstruct, tags: CostTags): void {
  for (const option of Object.keys(TAG_KEYS) as (keyof CostTags)[]) {
    Tags.of(scope).add(TAG_KEYS[option], tags[option]);
  }
}
