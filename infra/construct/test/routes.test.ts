import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkRoutes } from '../src/routes/check';

const SINKS = ['kinesis', 'stdout'];

describe('a route table', () => {
  // The parser of the forwarder wrote down what it says of these.
  const corpus = JSON.parse(
    readFileSync(path.join(__dirname, '..', '..', '..', 'docs', 'contract', 'routes.json'), 'utf8'),
  ) as {
    sinks: string[];
    tables: { table: string; mistakes: string[] }[];
  };

  test('is read as the forwarder reads it: renew with `make grammar`', () => {
    expect(corpus.tables.length).toBeGreaterThan(500);
    const differs = corpus.tables
      .map(({ table, mistakes }) => ({ table, mistakes, here: checkRoutes(table, corpus.sinks) }))
      .filter(({ mistakes, here }) => JSON.stringify(mistakes) !== JSON.stringify(here));
    expect(differs.slice(0, 3)).toEqual([]);
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
