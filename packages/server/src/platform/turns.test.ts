import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTurns } from './turns.ts';

test('tasks of one key run in order, one at a time; a failure holds nobody up', async () => {
  const inTurn = createTurns(10);
  const log: string[] = [];
  const task =
    (name: string, fails = false) =>
    async () => {
      log.push(`${name} begins`);
      await new Promise((resolve) => setTimeout(resolve, 5));
      log.push(`${name} ends`);
      if (fails) throw new Error(name);
    };
  const all = [inTurn(['a'], task('1', true)), inTurn(['a', 'b'], task('2')), inTurn(['b'], task('3'))];
  const results = await Promise.allSettled(all);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  assert.deepEqual(log, ['1 begins', '1 ends', '2 begins', '2 ends', '3 begins', '3 ends']);
});

test('past the limit the next is refused, and there is room again after', async () => {
  const inTurn = createTurns(1);
  const first = inTurn(['a'], async () => 'done');
  await assert.rejects(
    inTurn(['b'], async () => 'no'),
    { code: 'RATE_LIMITED' },
  );
  assert.equal(await first, 'done');
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await inTurn(['b'], async () => 'yes'), 'yes');
});
