import type { CfnParameterProps } from 'aws-cdk-lib';
import { Annotations, App, Aws, CfnParameter, DefaultStackSynthesizer, Fn } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { stringify } from 'yaml';
import { context } from '../cdk.json';
import { ARCHITECTURES, Artifacts } from '../construct/src/artifacts';
import { TelemetryForwarderStack } from './stack';
import { TAG_KEYS } from './tags';

const HEADER = `# A stream for the telemetry of Lambda functions, the layer, a test function, alarms and a dashboard: the stack of this
# folder with its defaults, for people without CDK. docs/DEPLOY.md says how to deploy it.
# Made by \`npm run template\` in infra/, and kept equal by a test: do not edit it here.
`;

const ARCHITECTURE_NAMES = ARCHITECTURES.map(({ name }) => name);

/** Parameters of the template, since it can neither read a folder nor CDK's context. */
const PARAMETERS = {
  [TAG_KEYS.costCenter]: { description: 'Tag: who pays', allowedPattern: '.+' },
  [TAG_KEYS.environment]: { description: 'Tag: where this runs, such as test or production', allowedPattern: '.+' },
  [TAG_KEYS.application]: { description: 'Tag: what this belongs to', default: 'telemetry-forwarder' },
  [TAG_KEYS.owner]: { description: 'Tag: whom to ask', allowedPattern: '.+' },
  ArtifactBucket: {
    description: 'The bucket with the zips of `make layer`, in the region of the stack',
    allowedPattern: '.+',
  },
  ArtifactPrefix: { description: 'What the keys of the zips begin with, such as forwarder/', default: '' },
  Architecture: {
    description: 'Of the layer and the test function',
    default: ARCHITECTURE_NAMES[0],
    allowedValues: ARCHITECTURE_NAMES,
  },
} satisfies Record<string, CfnParameterProps>;

/** The stack with its defaults, as plain CloudFormation: no bootstrap, no assets, no metadata of CDK's. */
export function plainTemplate(): string {
  const app = new App({
    analyticsReporting: false,
    context: { ...context, 'aws:cdk:enable-path-metadata': false, 'aws:cdk:enable-asset-metadata': false },
  });
  const architecture = lambda.Architecture.custom(Fn.ref('Architecture'));
  const stack = new TelemetryForwarderStack(app, 'TelemetryForwarder', {
    synthesizer: new DefaultStackSynthesizer({ generateBootstrapVersionRule: false }),
    costTags: {
      costCenter: Fn.ref(TAG_KEYS.costCenter),
      environment: Fn.ref(TAG_KEYS.environment),
      application: Fn.ref(TAG_KEYS.application),
      owner: Fn.ref(TAG_KEYS.owner),
    },
    artifacts: Artifacts.fromBucket(Fn.ref('ArtifactBucket'), Fn.ref('ArtifactPrefix'), [architecture]),
    testFunction: { architecture },
    parameterPrefix: `/${Aws.STACK_NAME}`,
  });
  for (const [name, props] of Object.entries(PARAMETERS)) {
    new CfnParameter(stack, name, { type: 'String', ...props });
  }
  Annotations.of(stack).acknowledgeWarning(
    '@aws-cdk/aws-lambda:codeFromBucketObjectVersionNotSpecified',
    'Each version has a prefix of its own: docs/DEPLOY.md.',
  );
  const template = app.synth().getStackByName(stack.stackName).template as Template;
  for (const resource of Object.values(template.Resources)) {
    delete resource.Metadata;
  }
  const { Description, Parameters, ...rest } = template;
  return (
    HEADER +
    stringify(
      { Description, Parameters, ...rest },
      {
        lineWidth: 0,
        aliasDuplicateObjects: false,
        // CloudFormation reads YAML 1.1, where an unquoted 2012-10-17 is a date.
        version: '1.1',
      },
    )
  );
}

interface Template {
  Description: string;
  Parameters: unknown;
  Resources: Record<string, { Metadata?: unknown }>;
}
