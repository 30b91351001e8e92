import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newId } from './ids.ts';

test('ids sort as they were made, also within a millisecond, and are UUIDs of version 7', () => {
  const ids = [1_000, 1_000, 1_000, 1_001, 1_001, 2_000].map(newId);
  assert.deepEqual([...ids].sort(), ids);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test('more ids than there is room to count in a millisecond are still different', () => {
  const ids = Array.from({ length: 20_000 }, () => newId(5_000));
  assert.equal(new Set(ids).size, ids.length);
});
