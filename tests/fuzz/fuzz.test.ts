import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { defineFuzz, type FuzzTarget } from './define.ts';
import { mutate } from './inputs/mutate.ts';
import { createRandom } from './inputs/random.ts';
import { measure } from './measure.ts';

/** What `npm run fuzz` does at length. The seed is new each time; a failure names it. */
const INPUTS = 5_000;
const signal = new AbortController().signal;
const run = (target: FuzzTarget, inputs: number) =>
  measure(target, { inputs, seed: Date.now() % 0x1_0000_0000, say: () => undefined, signal });

const files = (await readdir(import.meta.dirname)).filter((file) => file.endsWith('.fuzz.ts')).sort();
for (const file of files) {
  // a whole server, in a process of its own: routes.test.ts
  if (file === 'routes.fuzz.ts') continue;
  const { target } = (await import(join(import.meta.dirname, file))) as { target: FuzzTarget };
  test(`${target.name}: ${target.summary}; no input breaks it`, async () => {
    assert.equal(file, `${target.name}.fuzz.ts`);
    const { short, failure, outcomes } = await run(target, INPUTS);
    assert.equal(short, null, failure?.base64);
    // inputs that are all refused at the door would prove nothing
    assert.ok((outcomes.taken ?? 0) > INPUTS / 20, JSON.stringify(outcomes));
    assert.ok(Object.keys(outcomes).length > 1, JSON.stringify(outcomes));
  });
}

const seeds = [Buffer.from('{"a":1}'), Buffer.from('{"b":[1,2,3]}')];
const make = (random: ReturnType<typeof createRandom>): Buffer => mutate(random.pick(seeds), random);

test('the harness finds an exception that is not ours, and names the input', async () => {
  const target = defineFuzz({
    name: 'throws',
    summary: '',
    make,
    open: () => ({
      take(input) {
        JSON.parse(input.toString());
        return 'taken';
      },
    }),
  });
  const { failure, seed } = await run(target, 1_000);
  assert.match(failure?.error ?? '', /SyntaxError/);
  assert.equal(make(createRandom(seed, failure?.nth)).toString('base64'), failure?.base64);
});

test('the harness finds a promise that nobody catches, and one of our own broken promises', async () => {
  const lost = defineFuzz({
    name: 'lost',
    summary: '',
    make,
    open: () => ({
      take(input) {
        if (input.length === 3) void Promise.reject(new RangeError('lost'));
        return 'taken';
      },
    }),
  });
  // the runner would count it against this test
  const runners = process.listeners('unhandledRejection');
  process.removeAllListeners('unhandledRejection');
  try {
    assert.match((await run(lost, 2_000)).failure?.error ?? '', /lost/);
  } finally {
    for (const listener of runners) process.on('unhandledRejection', listener);
  }
  const bug = defineFuzz({
    name: 'bug',
    summary: '',
    make,
    open: () => ({ take: () => Promise.reject(new MusterError('INTERNAL')) }),
  });
  assert.equal((await run(bug, 10)).failure?.nth, 0);
});

test('the harness finds memory that grows', async () => {
  const kept: Buffer[] = [];
  const target = defineFuzz({
    name: 'grows',
    summary: '',
    make,
    open: () => ({
      take() {
        kept.push(Buffer.alloc(20_000));
        return 'taken';
      },
    }),
  });
  assert.match((await run(target, 1_000)).short ?? '', /memory grew/);
  kept.length = 0;
});
