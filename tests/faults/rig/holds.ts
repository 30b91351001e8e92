import assert from 'node:assert/strict';
import type { Fault } from '../define.ts';

/** A few rounds of what `npm run faults` does at length: fails, with all that was said, when something is short. */
export async function holds(fault: Fault, rounds: number): Promise<void> {
  const lines: string[] = [];
  const say = (line: string): void => void lines.push(line);
  const result = await fault.run({ rounds, say, signal: new AbortController().signal });
  assert.ok(result.checked > 0, lines.join('\n'));
  assert.deepEqual([result.lost, result.doubled, result.short], [0, 0, null], lines.join('\n'));
}
