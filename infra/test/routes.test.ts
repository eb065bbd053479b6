import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkRoutes } from '../lib/routes/check';

const SINKS = ['kinesis', 'stdout'];

describe('a route table', () => {
  // The same tables that the forwarder's own tests take.
  const guide = readFileSync(path.join(__dirname, '..', '..', 'docs', 'ROUTING.md'), 'utf8');
  const tables = [...guide.matchAll(/```routes\n([\s\S]*?)```/g)].map(([, table]) => table ?? '');

  test('of the guide is none without a table', () => {
    expect(tables.length).toBeGreaterThan(5);
  });

  test.each(tables)('of the guide is right: %s', (table) => {
    expect(checkRoutes(table, ['kinesis', 'firehose'])).toEqual([]);
  });

  test.each([
    'function->kinesis;;',
    '# all; "of this\nfunction -> kinesis\n  # and this -> x\n * -> drop ;',
    'function ,extension,  platform.*   level>=WARN->stdout ,kinesis',
    'platform.somethingQuiteNew -> kinesis',
    'function text~/a;b -> \\/c/ record.order."total amount"!="x;->y" -> kinesis',
    'function record.items.0.price>=-5 -> kinesis',
    'function sample=0.25% keep=slow>1m30s -> kinesis',
  ])('may be: %s', (table) => {
    expect(checkRoutes(table, SINKS)).toEqual([]);
  });

  test.each([
    ['function kinesis', 'there is no `->`'],
    ['functoin -> kinesis', 'did you mean `function`?'],
    ['platform.reprot -> kinesis', 'did you mean `platform.report`?'],
    ['platform -> kinesis', 'did you mean `platform.*`?'],
    ['forwarder.report -> kinesis', 'unknown selector'],
    ['func* -> kinesis', 'with a star there are'],
    [' -> kinesis', 'a selector is missing'],
    ['function, -> kinesis', 'a selector is missing'],
    ['function -> ', 'a target is missing'],
    ['function -> kinesys', 'unknown target `kinesys`; did you mean `kinesis`? (configured: kinesis, stdout, drop)'],
    ['function -> kinesis, kinesis', 'stands twice'],
    ['function -> drop, kinesis', '`drop` stands alone'],
    ['function level>=wran -> kinesis', 'did you mean `warn`?'],
    ['function level=warn -> kinesis', 'compare with `>=` only'],
    ['function levle>=warn -> kinesis', 'did you mean `level`?'],
    ['function level -> kinesis', 'unknown predicate `level`'],
    ['function level>= -> kinesis', 'a value is missing'],
    ['function 5 -> kinesis', 'unknown predicate `5`; there are'],
    ['function sample=10 -> kinesis', '`10` is no share'],
    ['function sample=0% -> kinesis', '`0%` is no share'],
    ['function sample>10% -> kinesis', 'write `sample=10%`'],
    ['function text=x -> kinesis', 'texts are matched as in'],
    ['function text~x -> kinesis', 'texts are matched as in'],
    ['function text~"x" -> kinesis', 'texts are matched as in'],
    ['function text~/x -> kinesis', 'the `/` before `x` is never closed'],
    ['function text~/x/i -> kinesis', 'flags stand inside'],
    ['function record=5 -> kinesis', 'unknown predicate `record=5`'],
    ['function record.=5 -> kinesis', 'is no path'],
    ['function record.a..b=5 -> kinesis', 'is no path'],
    ['function record.a[0]=5 -> kinesis', 'is no path'],
    ['function record."a"b=5 -> kinesis', 'is no path'],
    ['function record.a~/x/ -> kinesis', 'members compare with'],
    ['function record.a="x -> kinesis', 'the `"` before `x` is never closed'],
    ['function record.a=x"y -> kinesis', 'has a quote inside'],
    ['function record.a="x"y -> kinesis', '`y` follows the closing'],
    ['function keep=all -> kinesis', 'unknown `keep=all`'],
    ['function keep=slow>fast -> kinesis', 'is no duration'],
    ['function keep=slow>16m -> kinesis', 'is no duration'],
    ['function keep>failed -> kinesis', 'write `keep=failed`'],
    ['function keep=failed -> drop', 'cannot go to `drop`'],
    ['', 'there is no rule'],
  ])('may not be: %s', (table, message) => {
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
