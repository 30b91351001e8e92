import assert from 'node:assert/strict';
import test from 'node:test';
import { createVirtualClock } from './virtual-clock.ts';

test('tasks run in the order they are due, at their time', async () => {
  const clock = createVirtualClock(1_000);
  const seen: [string, number][] = [];
  const note = (name: string) => () => void seen.push([name, clock.now()]);
  clock.after(50, note('b'));
  clock.after(20, note('a'));
  clock.after(50, note('c'));
  clock.after(101, note('too late'));
  clock.after(30, note('cancelled'))();
  await clock.advance(100);
  assert.deepEqual(seen, [
    ['a', 1_020],
    ['b', 1_050],
    ['c', 1_050],
  ]);
  assert.equal(clock.now(), 1_100);
  assert.equal(clock.waiting, 1);
});

test('a task set by a promise of another task still runs within the span', async () => {
  const clock = createVirtualClock(0);
  let at = -1;
  clock.after(10, () => {
    Promise.resolve()
      .then(() => undefined)
      .then(() =>
        clock.after(10, () => {
          at = clock.monotonic();
        }),
      )
      .catch(assert.fail);
  });
  await clock.advance(20);
  assert.equal(at, 20);
});

test('setting the time of day moves no timer', async () => {
  const clock = createVirtualClock(0);
  let runs = 0;
  clock.after(10, () => {
    runs += 1;
  });
  clock.setNow(1_000_000);
  await clock.advance(9);
  assert.equal(runs, 0);
  assert.equal(clock.now(), 1_000_009);
  await clock.advance(1);
  assert.equal(runs, 1);
});
