import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { version } from '../construct/package.json';
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

/** A template, as far as this test reads it. */
interface Layers {
  readonly Parameters: { readonly Release: { readonly Default: string } };
  readonly Resources: Readonly<Record<string, Kept>>;
}

interface Kept {
  readonly Type: string;
  readonly Properties: { readonly Name?: string };
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
}

/** Each resource with what becomes of it when another takes its place, or the stack goes. */
function keeping(resources: Readonly<Record<string, Kept>>): string[] {
  return Object.values(resources)
    .map(({ Type, Properties, DeletionPolicy = 'Delete', UpdateReplacePolicy = 'Delete' }) =>
      [Type, Properties.Name ?? '', DeletionPolicy, UpdateReplacePolicy].join(' '),
    )
    .sort();
}

describe('layers.yaml, for people without CDK', () => {
  // Functions such as `!Sub` are read as the text that they are given.
  const text = readFileSync(path.join(__dirname, '..', 'layers.yaml'), 'utf8');
  const { Parameters, Resources } = parse(text, { logLevel: 'silent' }) as Layers;

  test('has the resources of the stack, with its parameters’ names, and keeps what that keeps', () => {
    const stack = synthesize({ stackName: 'layers', producerAccounts: '111111111111' }).toJSON() as Layers;
    const here = keeping(Resources).map((line) =>
      line.replace('${AWS::StackName}', 'layers').replace('${Release}', Parameters.Release.Default),
    );
    expect(here).toEqual(keeping(stack.Resources));
    expect(here.filter((line) => line.includes(`/${version} Retain Retain`))).toHaveLength(2);
  });

  test('is of the release that it comes with', () => {
    expect(Parameters.Release.Default).toBe(version);
  });
});
