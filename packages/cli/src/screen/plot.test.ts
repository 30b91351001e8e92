import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { plotLines } from './plot.ts';

const drawn = (values: readonly (number | null)[], rows: number): string[] =>
  plotLines(values, rows).map(stripVTControlCharacters);

test('the greatest and the least stand at the side; a flat line has one label, at its height', () => {
  assert.deepEqual(drawn([0, null, 10], 2), ['10 ┤  █', ' 0 ┤▁ █']);
  assert.deepEqual(drawn([5, 5], 4), ['  ┤', '  ┤', '5 ┤██', '  ┤██']);
});
