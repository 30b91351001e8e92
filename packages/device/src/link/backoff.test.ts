import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fullJitterMs } from './backoff.ts';

test('the ceiling doubles from 1 s to 60 s and stays there', () => {
  const most = (attempt: number): number => fullJitterMs(attempt, () => 1);
  assert.deepEqual([0, 1, 2, 5, 6, 7, 1_000].map(most), [1_000, 2_000, 4_000, 32_000, 60_000, 60_000, 60_000]);
  assert.equal(
    fullJitterMs(9, () => 0),
    0,
  );
});

test('every wait is possible between nothing and the ceiling', () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, chance) => {
      const ms = fullJitterMs(attempt, () => chance);
      return ms >= 0 && ms <= 60_000;
    }),
  );
});
