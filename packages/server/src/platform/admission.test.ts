import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import { createAdmission } from './admission.ts';

test('a second of arrivals enters at once, the others in turn, in their order', async () => {
  const clock = createVirtualClock();
  const admission = createAdmission(clock, 100, 1_000);
  const entered: number[] = [];
  for (let nth = 0; nth < 250; nth++) assert.ok(admission.enter(() => void entered.push(nth)));
  assert.equal(entered.length, 100);
  assert.equal(admission.waitMs(), 1_500);
  await clock.advance(1_000);
  assert.ok(Math.abs(entered.length - 200) <= 2, `${entered.length}`);
  await clock.advance(1_000);
  assert.deepEqual(
    entered,
    Array.from({ length: 250 }, (_, nth) => nth),
  );
  assert.equal(clock.waiting, 0, 'nobody waits: no timer');
});

test('one that comes does not overtake those in line', async () => {
  const clock = createVirtualClock();
  const admission = createAdmission(clock, 10, 100);
  const entered: number[] = [];
  for (let nth = 0; nth < 12; nth++) admission.enter(() => void entered.push(nth));
  clock.setNow(clock.now() + 60_000);
  admission.enter(() => void entered.push(99));
  await clock.advance(2_000);
  assert.equal(entered.at(-1), 99);
});

test('a full line refuses, and so does one that is stopped', async () => {
  const clock = createVirtualClock();
  const admission = createAdmission(clock, 1, 2);
  const entered: string[] = [];
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((name) => admission.enter(() => void entered.push(name))),
    [true, true, true, false],
  );
  admission.stop();
  await clock.advance(10_000);
  assert.deepEqual(entered, ['a']);
  assert.equal(
    admission.enter(() => undefined),
    false,
  );
});

test('a server that is behind takes fewer in', () => {
  let now = 0;
  let due: (() => void) | null = null;
  const clock = {
    now: () => now,
    monotonic: () => now,
    after(_ms: number, task: () => void) {
      due = task;
      return () => undefined;
    },
  };
  const admission = createAdmission(clock, 1_000, 10_000);
  let entered = 0;
  for (let nth = 0; nth < 3_000; nth++) {
    admission.enter(() => {
      entered += 1;
    });
  }
  assert.equal(entered, 1_000);
  for (let turn = 0; turn < 10; turn++) {
    // each turn comes 200 ms after the last, not 20
    now += 200;
    (due as (() => void) | null)?.();
  }
  assert.equal(entered, 1_600, 'of 2 s, 600 ms count');
});
