import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHearing } from './hearing.ts';

const ramp = (from: number, length: number): Int16Array => Int16Array.from({ length }, (_, i) => (from + i) % 30_000);
const SECOND = 16_000;

test('the utterance starts before speech was noticed and ends after the last voiced window', () => {
  const hearing = createHearing(30 * SECOND);
  for (let i = 0; i < 10; i++) hearing.append(ramp(i * 960, 960));
  hearing.begin(9_216);
  hearing.voiced(9_216);
  hearing.append(ramp(9_600, SECOND));
  const pcm = hearing.utterance();
  assert.equal(pcm[0], 9_216 - 1_024 - 6_400);
  assert.equal(pcm.at(-1), 9_216 + 4_000 - 1);
});

test('while nobody speaks only the pre-roll is kept, and counting goes on', () => {
  const hearing = createHearing(30 * SECOND);
  for (let i = 0; i < 1_000; i++) hearing.append(ramp(i * 960, 960));
  assert.equal(hearing.total, 960_000);
  hearing.begin(960_000);
  hearing.voiced(960_000);
  const pcm = hearing.utterance();
  assert.ok(pcm.length >= 6_400 && pcm.length <= 20_000, String(pcm.length));
  assert.equal(pcm.at(-1), ramp(959_999, 1)[0]);
});

test('an utterance without end is full at its longest and grows no further', () => {
  const hearing = createHearing(2 * SECOND);
  hearing.append(ramp(0, 1_024));
  hearing.begin(1_024);
  for (let i = 0; i < 100; i++) hearing.append(ramp(0, 960));
  hearing.voiced(hearing.total);
  assert.ok(hearing.full);
  assert.ok(hearing.utterance().length <= 2 * SECOND);
});

test('push-to-talk keeps everything from the first sample', () => {
  const hearing = createHearing(30 * SECOND);
  hearing.reset(true);
  for (let i = 0; i < 50; i++) hearing.append(ramp(i * 960, 960));
  assert.equal(hearing.everything().length, 48_000);
  assert.equal(hearing.everything()[0], 0);
});
