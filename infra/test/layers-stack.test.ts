import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { stackFromContext } from '../stack/context';
import { FIXTURES, makeApp } from './apps';

const TAGS = { CostCenter: '4711', Environment: 'test', Application: 'shop', Owner: 'somebody' };

function synthesize(context: Record<string, unknown>): Template {
  return Template.fromStack(stackFromContext(makeApp({ ...TAGS, dist: FIXTURES, only: 'layers', ...context })));
}

describe('only=layers', () => {
  test('makes the layers, what names them, and nothing else', () => {
    const template = synthesize({ stackName: 'layers' });
    const resources = template.toJSON()['Resources'] as Record<string, { Type: string }>;
    const types = Object.values(resources).map(({ Type }) => Type);
    expect([...new Set(types)].sort()).toEqual(['AWS::Lambda::LayerVersion', 'AWS::SSM::Parameter']);
    for (const architecture of ['x86_64', 'arm64']) {
      template.hasResource('AWS::Lambda::LayerVersion', {
        Properties: { CompatibleArchitectures: [architecture] },
        DeletionPolicy: 'Retain',
      });
      template.hasResourceProperties('AWS::SSM::Parameter', {
        Name: `/layers/layer-arn/${architecture}`,
        Tags: Match.objectLike({ CostCenter: '4711' }),
      });
    }
  });

  test('lets accounts use them, for good', () => {
    const template = synthesize({ producerAccounts: '111111111111' });
    template.resourceCountIs('AWS::Lambda::LayerVersionPermission', 2);
    template.allResources('AWS::Lambda::LayerVersionPermission', {
      Properties: { Principal: '111111111111' },
      DeletionPolicy: 'Retain',
    });
  });

  test('refuses what is no choice, a folder without zips, and missing tags', () => {
    expect(() => synthesize({ only: 'layer' })).toThrow(/only: `layer` is not allowed.*layers/);
    expect(() => synthesize({ dist: '/nowhere' })).toThrow(/there is no zip of a layer/);
    expect(() => synthesize({ Owner: ' ' })).toThrow(/Owner: the tag is missing/);
  });
});
