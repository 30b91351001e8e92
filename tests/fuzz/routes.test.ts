import assert from 'node:assert/strict';
import { test } from 'node:test';
import { measure } from './measure.ts';
import { target } from './routes.fuzz.ts';

/** What `npm run fuzz -- routes` does at length. The seed is new each time; a failure names it. */
const INPUTS = 1_200;

test(`${target.name}: ${target.summary}`, async () => {
  const seed = Date.now() % 0x1_0000_0000;
  const options = { inputs: INPUTS, seed, say: () => undefined, signal: new AbortController().signal };
  const { short, failure, outcomes } = await measure(target, options);
  assert.equal(short, null, failure?.base64);
  // calls that are all refused at the door would prove nothing
  assert.ok((outcomes.taken ?? 0) > INPUTS / 4, JSON.stringify(outcomes));
});
