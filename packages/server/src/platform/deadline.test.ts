import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { unlessAborted, within } from './deadline.ts';

const never = new Promise<never>(() => undefined);
/** Counts who listens. */
function watched(): { controller: AbortController; listeners: () => number } {
  const controller = new AbortController();
  const { signal } = controller;
  let count = 0;
  const { addEventListener, removeEventListener } = signal;
  signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
    count += 1;
    addEventListener.apply(signal, args);
  };
  signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
    count -= 1;
    removeEventListener.apply(signal, args);
  };
  return { controller, listeners: () => count };
}

test('a task that throws at once rejects and leaves neither timer nor listener', async () => {
  const clock = createVirtualClock();
  const { controller, listeners } = watched();
  const deadline = { ms: 1_000, code: 'TOOL_TIMEOUT', signal: controller.signal } as const;
  const task = (): Promise<never> => {
    throw new TypeError('at once');
  };
  await assert.rejects(within(clock, deadline, task), /at once/);
  assert.equal(clock.waiting, 0);
  assert.equal(listeners(), 0);
});

test('a task that does not listen is left behind at the limit, and told', async () => {
  const clock = createVirtualClock();
  const { controller, listeners } = watched();
  let told: unknown;
  const waited = within(clock, { ms: 1_000, code: 'TOOL_TIMEOUT', signal: controller.signal }, (signal) => {
    signal.addEventListener('abort', () => {
      told = signal.reason;
    });
    return never;
  });
  const rejected = assert.rejects(waited, (error) => codeOf(error) === 'TOOL_TIMEOUT');
  await clock.advance(1_000);
  await rejected;
  assert.equal(codeOf(told), 'TOOL_TIMEOUT');
  assert.equal(listeners(), 0);
});

test('an abort ends a task that does not listen, and its timer', async () => {
  const clock = createVirtualClock();
  const { controller } = watched();
  const waited = within(clock, { ms: 1_000, code: 'TOOL_TIMEOUT', signal: controller.signal }, () => never);
  controller.abort(new Error('barge-in'));
  await assert.rejects(waited, /barge-in/);
  assert.equal(clock.waiting, 0);
});

test('waiting unless aborted gives the value, or the reason at once', async () => {
  const { controller, listeners } = watched();
  assert.equal(await unlessAborted(Promise.resolve(7), controller.signal), 7);
  await new Promise(setImmediate);
  assert.equal(listeners(), 0);
  const waited = unlessAborted(never, controller.signal);
  controller.abort(new Error('gone'));
  await assert.rejects(waited, /gone/);
  await assert.rejects(unlessAborted(never, controller.signal), /gone/);
});
