import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createClientRate } from '../../platform/client-rate.ts';
import { createRequestCounter } from './request-rate.ts';

test('a device past its rate is told a second later, a few requests at a time; others are not held', async () => {
  const clock = createVirtualClock();
  const count = createRequestCounter(clock);
  const rate = createClientRate(clock, 1_000, 1_000);
  await count('one', rate, 5_000);
  const told: string[] = [];
  const ask = (deviceId: string, of: typeof rate): Promise<void> =>
    count(deviceId, of, 1).then(
      () => void told.push('taken'),
      (error: unknown) => void told.push(codeOf(error)),
    );
  const held = Array.from({ length: 32 }, () => ask('one', rate));
  await clock.advance(900);
  assert.deepEqual(told, []);
  await ask('one', rate);
  assert.deepEqual(told, ['RATE_LIMITED'], 'one too many to hold is told at once');
  await ask('other', createClientRate(clock, 1_000, 1_000));
  assert.deepEqual(told.slice(1), ['taken']);
  await clock.advance(200);
  await Promise.all(held);
  assert.equal(told.length, 34);
  // five seconds of bytes were spent at once; then it may ask again
  await clock.advance(5_000);
  await count('one', rate, 1);
});
