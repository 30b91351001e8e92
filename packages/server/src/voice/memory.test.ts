import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import { createMemory } from './memory.ts';

const KEEP_MS = 60_000;

test('the last turns of a device are recalled, oldest first', () => {
  const memory = createMemory(createVirtualClock(), KEEP_MS);
  for (const word of ['one', 'two', 'three']) memory.keep('a', word, word.toUpperCase());
  assert.deepEqual(
    memory.recall('a', 2).map(({ role, text }) => `${role} ${text}`),
    ['user two', 'assistant TWO', 'user three', 'assistant THREE'],
  );
  assert.deepEqual(memory.recall('a', 0), []);
  assert.deepEqual(memory.recall('b', 2), []);
});

test('what is too old is neither recalled nor carried into the next turn', async () => {
  const clock = createVirtualClock();
  const memory = createMemory(clock, KEEP_MS);
  memory.keep('a', 'old', 'old');
  memory.keep('b', 'old', 'old');
  await clock.advance(KEEP_MS + 1);
  memory.keep('a', 'new', 'new');
  assert.equal(memory.recall('a', 10).length, 2);
  assert.deepEqual(memory.recall('b', 10), []);
});

test('keeping drops what is too old of other devices, without anyone recalling it', async () => {
  const clock = createVirtualClock();
  const memory = createMemory(clock, KEEP_MS);
  memory.keep('silent', 'x', 'x');
  await clock.advance(KEEP_MS / 2);
  memory.keep('awake', 'x', 'x');
  await clock.advance(KEEP_MS / 2 + 1);
  memory.keep('other', 'x', 'x');
  assert.deepEqual([memory.devices, memory.recall('awake', 1).length], [2, 2]);
});

test('past 1,000 devices the one that was silent longest is dropped', () => {
  const memory = createMemory(createVirtualClock(), KEEP_MS);
  for (let device = 0; device < 1_000; device += 1) memory.keep(String(device), 'x', 'x');
  memory.keep('0', 'again', 'again');
  memory.keep('new', 'x', 'x');
  assert.equal(memory.recall('0', 10).length, 4);
  assert.deepEqual(memory.recall('1', 10), []);
  assert.equal(memory.recall('2', 10).length, 2);
});
