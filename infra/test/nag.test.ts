import type { INagLogger, NagLoggerErrorData, NagLoggerNonComplianceData, NagLoggerSuppressedData } from 'cdk-nag';
import { AwsSolutionsChecks } from 'cdk-nag';
import { beforeAll, describe, expect, test } from 'vitest';
import { ArchivedBy } from '../stack/archive-bucket';
import { EXPLAINED } from '../stack/findings';
import type { TelemetryForwarderStackProps } from '../stack/stack';
import { EVERYTHING, makeStack } from './apps';

/** Notes what cdk-nag finds, instead of failing the synthesis. */
class Notes implements INagLogger {
  public readonly open: string[] = [];
  public readonly explained = new Set<string>();

  public onNonCompliance({ ruleId, findingId, resource }: NagLoggerNonComplianceData): void {
    this.open.push(`${ruleId} ${findingId} ${resource.node.path}`);
  }

  public onSuppressed({ ruleId, resource }: NagLoggerSuppressedData): void {
    this.explained.add(`${ruleId} ${resource.node.path}`);
  }

  public onError({ ruleId, resource, errorMessage }: NagLoggerErrorData): void {
    this.open.push(`${ruleId} could not look at ${resource.node.path}: ${errorMessage}`);
  }

  public onSuppressedError(data: NagLoggerErrorData): void {
    this.onError(data);
  }

  public onCompliance(): void {
    // As it should be.
  }

  public onNotApplicable(): void {
    // Not its business.
  }
}

describe('cdk-nag, AwsSolutions', () => {
  const notes = new Notes();

  const look = (into: Notes, props: Partial<TelemetryForwarderStackProps>): void => {
    const pack = new AwsSolutionsChecks({ additionalLoggers: [into] });
    makeStack(props)
      .node.findAll()
      .forEach((node) => {
        pack.visit(node);
      });
  };

  beforeAll(() => {
    look(notes, EVERYTHING);
  });

  test('finds nothing that is not explained where a channel writes the archive', () => {
    const ofChannel = new Notes();
    look(ofChannel, { archive: { by: ArchivedBy.CHANNEL } });
    expect(ofChannel.open).toEqual([]);
  });

  test('finds nothing that is not explained', () => {
    expect(notes.open).toEqual([]);
  });

  test('finds everything that is explained', () => {
    const explained = Object.entries(EXPLAINED).flatMap(([path, reasons]) =>
      reasons.map(({ id }) => `${id} telemetry/${path}`),
    );
    expect([...notes.explained].sort()).toEqual(explained.sort());
  });

  test('each reason says more than that it is fine', () => {
    for (const { id, reason } of Object.values(EXPLAINED).flat()) {
      expect(reason.length, id).toBeGreaterThan(60);
    }
  });
});
