import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stampede } from '../../bench/stampede/stampede.ts';

/** A small one of what `npm run faults -- stampede` does with 5,000 devices; how long it takes is asked there. */
test('a fleet that lost its server comes back to it, and what was acknowledged is there once', async () => {
  const lines: string[] = [];
  const result = await stampede({
    devices: 300,
    webSocketPercent: 20,
    everySeconds: 2,
    rounds: 1,
    backoff: { firstMs: 100, mostMs: 1_000 },
    settleMs: 1_000,
    say: (line) => void lines.push(line),
    signal: new AbortController().signal,
  });
  assert.ok(result.checked > 300, lines.join('\n'));
  assert.deepEqual([result.lost, result.doubled], [0, 0], lines.join('\n'));
  assert.ok(result.apiP95Ms > 0, 'the API was asked meanwhile');
});
