import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '../virtual-clock.ts';
import { createTimerWheel } from './timer-wheel.ts';

test('thousands of timers run on one, each at most a tick late and none early', async () => {
  const clock = createVirtualClock();
  const wheel = createTimerWheel(clock, 25);
  const late: number[] = [];
  for (let ms = 0; ms < 60_000; ms += 13) {
    const due = wheel.monotonic() + ms;
    wheel.after(ms, () => void late.push(wheel.monotonic() - due));
  }
  assert.equal(clock.waiting, 1);
  assert.equal(wheel.size, Math.ceil(60_000 / 13));
  await clock.advance(61_000);
  assert.equal(late.length, Math.ceil(60_000 / 13));
  assert.ok(Math.min(...late) >= 0 && Math.max(...late) <= 25, `${Math.min(...late)} to ${Math.max(...late)}`);
  assert.equal(wheel.size, 0);
  assert.equal(clock.waiting, 0, 'while none waits, the clock is left alone');
});

test('a timer that is cancelled does not run, and one that was set by another does', async () => {
  const clock = createVirtualClock();
  const wheel = createTimerWheel(clock, 10);
  const ran: string[] = [];
  const cancel = wheel.after(100, () => void ran.push('cancelled'));
  wheel.after(50, () => {
    cancel();
    wheel.after(0, () => void ran.push('next'));
  });
  await clock.advance(1_000);
  assert.deepEqual(ran, ['next']);
});

test('a process that slept runs what is overdue once, and what is not yet due later', async () => {
  let now = 0;
  const due: (() => void)[] = [];
  const clock = {
    now: () => now,
    monotonic: () => now,
    after(_ms: number, task: () => void) {
      due.push(task);
      return () => undefined;
    },
  };
  const wheel = createTimerWheel(clock, 10);
  const ran: string[] = [];
  wheel.after(20, () => void ran.push('soon'));
  wheel.after(30_000, () => void ran.push('far'));
  now = 29_000;
  due.shift()?.();
  assert.deepEqual(ran, ['soon']);
  now = 30_010;
  due.shift()?.();
  assert.deepEqual(ran, ['soon', 'far']);
});

test('stopped, it runs nothing any more', async () => {
  const clock = createVirtualClock();
  const wheel = createTimerWheel(clock);
  wheel.after(10, () => assert.fail('it was stopped'));
  wheel.stop();
  wheel.after(10, () => assert.fail('it was stopped'));
  await clock.advance(1_000);
  assert.equal(clock.waiting, 0);
});
