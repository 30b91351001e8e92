import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault } from './hostile-device.fault.ts';

/** A round of what `npm run faults` does at length. How fast the others are is for there: a machine of tests is busy. */
test('beside a hostile device nothing of others is lost, and somebody is told', async () => {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const { checked, lost, doubled, short, figures } = await fault.run({
    rounds: 1,
    say,
    signal: AbortSignal.timeout(50_000),
  });
  assert.ok(checked > 0, lines.join('\n'));
  assert.deepEqual([lost, doubled], [0, 0], lines.join('\n'));
  assert.ok(short === null || /^p99 of others/.test(short), short ?? '');
  assert.ok((figures?.refused ?? 0) > 0 && (figures?.hostileTurnedAway ?? 0) > 0);
});
