import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault as commandKill } from './command-kill.fault.ts';
import type { Fault } from './define.ts';
import { fault as ingestKill } from './ingest-kill.fault.ts';

/** A few rounds of what `npm run faults` does at length. */
async function holds(fault: Fault, rounds: number): Promise<void> {
  const lines: string[] = [];
  const result = await fault.run({
    rounds,
    say: (line) => void lines.push(line),
    signal: new AbortController().signal,
  });
  assert.ok(result.checked > 0, lines.join('\n'));
  assert.deepEqual([result.lost, result.doubled, result.short], [0, 0, null], lines.join('\n'));
}

test('kill -9 during ingest: nothing acknowledged is lost, nothing is doubled', () => holds(ingestKill, 2));
test('kill -9 in the life of commands: none vanishes, none is done twice, all end', () => holds(commandKill, 1));
