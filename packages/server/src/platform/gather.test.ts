import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { createGather } from './gather.ts';

function counting(answers: ReadonlyMap<string, number>, mostAtOnce?: number) {
  const batches: string[][] = [];
  const gates: PromiseWithResolvers<void>[] = [];
  const gather = createGather<string, number>(async (keys) => {
    batches.push([...keys]);
    const gate = Promise.withResolvers<void>();
    gates.push(gate);
    await gate.promise;
    return answers;
  }, mostAtOnce);
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { gather, batches, gates, settle };
}

test('lookups of one turn are one query, those that come meanwhile are the next', async () => {
  const { gather, batches, gates, settle } = counting(new Map([['a', 1]]));
  const first = [gather('a'), gather('b'), gather('a')];
  await settle();
  const second = [gather('a'), gather('c')];
  await settle();
  assert.deepEqual(batches, [['a', 'b']], 'one at a time');
  gates[0]?.resolve();
  assert.deepEqual(await Promise.all(first), [1, undefined, 1]);
  await settle();
  assert.deepEqual(batches[1], ['a', 'c'], 'asked again: it never joins a batch that has left');
  gates[1]?.resolve();
  assert.deepEqual(await Promise.all(second), [1, undefined]);
});

test('a batch has a limit', async () => {
  const { gather, batches, gates, settle } = counting(new Map(), 2);
  const all = ['a', 'b', 'c'].map(gather);
  await settle();
  gates[0]?.resolve();
  await settle();
  gates[1]?.resolve();
  await Promise.all(all);
  assert.deepEqual(batches, [['a', 'b'], ['c']]);
});

test('what fails fails for its own batch, and the next goes on', async () => {
  const { gather, gates, settle } = counting(new Map([['b', 2]]));
  const first = gather('a');
  await settle();
  const second = gather('b');
  gates[0]?.reject(new MusterError('DATABASE_UNAVAILABLE'));
  await assert.rejects(first, { code: 'DATABASE_UNAVAILABLE' });
  await settle();
  gates[1]?.resolve();
  assert.equal(await second, 2);
});
