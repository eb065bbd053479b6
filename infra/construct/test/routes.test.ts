import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkRoutes } from '../src/routes/check';
import { RIGHT, SINKS, WRONG } from './cases';

describe('a route table', () => {
  // The same tables that the forwarder's own tests take.
  const guide = readFileSync(path.join(__dirname, '..', '..', '..', 'docs', 'ROUTING.md'), 'utf8');
  const tables = [...guide.matchAll(/```routes\n([\s\S]*?)```/g)].map(([, table]) => table ?? '');

  test('of the guide is none without a table', () => {
    expect(tables.length).toBeGreaterThan(5);
  });

  test.each(tables)('of the guide is right: %s', (table) => {
    expect(checkRoutes(table, ['kinesis', 'firehose'])).toEqual([]);
  });

  test.each(RIGHT)('may be: %s', (table) => {
    expect(checkRoutes(table, SINKS)).toEqual([]);
  });

  test.each(WRONG)('may not be: %s', (table, message) => {
    const problems = checkRoutes(table, SINKS);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test('has all its mistakes told at once, each with its rule', () => {
    const problems = checkRoutes('functoin level>=wran -> kinesys; * -> kinesis; bad', SINKS);
    expect(problems).toHaveLength(4);
    expect(problems[0]).toMatch(/^rule 1 `functoin level>=wran -> kinesys`: unknown selector/);
    expect(problems[3]).toMatch(/^rule 3 `bad`: /);
  });

  test('may come rule by rule', () => {
    expect(checkRoutes([{ match: 'function level>=error', to: ['kinesis', 'stdout'] }], SINKS)).toEqual([]);
    expect(checkRoutes([{ match: 'function; *', to: 'kinesis' }], SINKS)[0]).toContain('of one rule');
    expect(checkRoutes([{ match: '*', to: [] }], SINKS)[0]).toContain('a target is missing');
    expect(checkRoutes([], SINKS)[0]).toContain('there is no rule');
  });
});
