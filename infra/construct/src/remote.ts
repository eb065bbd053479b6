/** A configuration that is kept elsewhere: the variable that names it, and the permission to read it. */

import { Token } from 'aws-cdk-lib';
import type { SinkGrant } from './bound-sink';
import type { ForwarderOptions } from './options';
import type { Problem } from './problems';

/** The variable that names the document. */
const CONFIG = 'FORWARDER_CONFIG';

/** The variable for the document of these options, if they name one. */
export function remoteVariables({ configParameter }: ForwarderOptions): Record<string, string> {
  return configParameter === undefined ? {} : { [CONFIG]: `ssm:${configParameter.parameterName}` };
}

/** What a function must be allowed in order to read it. */
export function remoteGrants({ configParameter, configKey }: ForwarderOptions): SinkGrant[] {
  if (configParameter === undefined) {
    return [];
  }
  const key = configKey?.keyArn;
  return [
    { action: 'ssm:GetParameter', resourceArn: configParameter.parameterArn },
    ...(key === undefined ? [] : [{ action: 'kms:Decrypt', resourceArn: key }]),
  ];
}

/** What is wrong with how a document is named. */
export function remoteProblems({ configParameter, configKey }: ForwarderOptions): Problem[] {
  if (configParameter === undefined) {
    const fix = 'give `configParameter` too, or leave it out';
    return configKey === undefined ? [] : [{ option: 'configKey', wrong: 'there is nothing to decrypt', fix }];
  }
  const name = configParameter.parameterName;
  if (Token.isUnresolved(name) || /^[\w./:-]+$/.test(name)) {
    return [];
  }
  const wrong = `${JSON.stringify(name)} is no name of a parameter`;
  return [{ option: 'configParameter', wrong, fix: 'write letters, digits and `_.-/`' }];
}
