import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf, MusterError } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createWaiters } from './waiters.ts';

function rig() {
  const clock = createVirtualClock();
  const waiters = createWaiters(clock);
  let state = 'open';
  let looks = 0;
  const wait = (ms: number, signal?: AbortSignal): Promise<string> =>
    waiters.wait(
      'a',
      { ms, signal },
      async () => {
        looks += 1;
        return state;
      },
      (found) => found === 'ended',
    );
  return {
    clock,
    waiters,
    wait,
    end: () => {
      state = 'ended';
    },
    looks: () => looks,
  };
}

test('what has ended before is given at once, and nothing is left behind', async () => {
  const { clock, waiters, wait, end, looks } = rig();
  end();
  assert.equal(await wait(1_000), 'ended');
  assert.deepEqual([looks(), waiters.count(), clock.waiting], [1, 0, 0]);
});

test('what ends meanwhile is given at once; who waits for something else is not woken', async () => {
  const { clock, waiters, wait, end, looks } = rig();
  const waiting = wait(1_000);
  await clock.advance(10);
  waiters.wake('b');
  await clock.advance(10);
  assert.equal(looks(), 1);
  end();
  waiters.wake('a');
  assert.equal(await waiting, 'ended');
  assert.deepEqual([waiters.count(), clock.waiting], [0, 0]);
});

test('what ends between the look and the wait is not missed', async () => {
  const clock = createVirtualClock();
  const waiters = createWaiters(clock);
  let looks = 0;
  const found = await waiters.wait(
    'a',
    { ms: 60_000 },
    async () => {
      looks += 1;
      if (looks === 1) waiters.wake('a');
      return looks;
    },
    () => false,
  );
  assert.equal(found, 2);
});

test('at the end of the time it is given as it is', async () => {
  const { clock, waiters, wait } = rig();
  const waiting = wait(1_000);
  await clock.advance(1_000);
  assert.equal(await waiting, 'open');
  assert.equal(waiters.count(), 0);
});

test('a client that hangs up frees its place, also one that had before', async () => {
  const { clock, waiters, wait } = rig();
  const client = new AbortController();
  const waiting = wait(60_000, client.signal);
  await clock.advance(10);
  assert.equal(waiters.count(), 1);
  client.abort();
  assert.equal(await waiting, 'open');
  assert.equal(await wait(60_000, client.signal), 'open');
  assert.deepEqual([waiters.count(), clock.waiting], [0, 0]);
});

test('a look that fails frees the place, and a stop lets everybody go', async () => {
  const { waiters, wait } = rig();
  const failing = waiters.wait(
    'a',
    { ms: 1_000 },
    () => Promise.reject(new MusterError('NOT_FOUND')),
    () => true,
  );
  assert.equal(await failing.catch(codeOf), 'NOT_FOUND');
  const waiting = wait(60_000);
  waiters.stop();
  assert.equal(await waiting, 'open');
  assert.equal(await wait(60_000), 'open', 'nobody waits for a server that stops');
  assert.equal(waiters.count(), 0);
});
