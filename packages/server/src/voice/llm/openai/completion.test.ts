import assert from 'node:assert/strict';
import test from 'node:test';
import { codeOf } from '@muster/contract';
import fc from 'fast-check';
import { readCompletion, type ToolCall } from './completion.ts';
import { createSpeakable } from './speakable.ts';

async function* bytes(...parts: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield typeof part === 'string' ? new TextEncoder().encode(part) : part;
}
const event = (value: unknown): string => `data: ${JSON.stringify(value)}\n\n`;
const delta = (value: object, finish: string | null = null) =>
  event({ choices: [{ index: 0, delta: value, finish_reason: finish }] });

async function read(...parts: (string | Uint8Array)[]): Promise<{ text: string; calls: readonly ToolCall[] }> {
  const completion = readCompletion(bytes(...parts));
  let text = '';
  for await (const piece of completion.text) text += piece;
  return { text, calls: completion.toolCalls() };
}

test('the stream may be cut anywhere, also inside a character', async () => {
  const whole = new TextEncoder().encode(`: hello\r\n\r\n${delta({ content: 'Xin chào 世界' })}${delta({}, 'stop')}`);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 8 }), async (cuts) => {
      const edges = [0, ...cuts.sort((a, b) => a - b), whole.length];
      const parts = edges.slice(1).map((edge, index) => whole.slice(edges[index], edge));
      assert.equal((await read(...parts)).text, 'Xin chào 世界');
    }),
    { numRuns: 60 },
  );
});

test('calls in parts, calls as a whole, calls without index or id', async () => {
  const parts = await read(
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'x', arguments: '' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '{"v":' } }] }),
    delta({ tool_calls: [{ index: 1, id: 'b', function: { name: 'y', arguments: '{}' } }] }),
    delta({ tool_calls: [{ index: 0, function: { arguments: '1}' } }] }),
    delta({ content: null }, 'tool_calls'),
  );
  assert.deepEqual(parts.calls, [
    { id: 'a', name: 'x', arguments: '{"v":1}' },
    { id: 'b', name: 'y', arguments: '{}' },
  ]);
  const whole = await read(
    delta({ tool_calls: [{ function: { name: 'x', arguments: '{}' } }] }),
    delta({ tool_calls: [{ function: { name: 'y', arguments: '{}' } }] }, 'stop'),
  );
  assert.deepEqual(
    whole.calls.map(({ id, name }) => [id, name]),
    [
      ['call_0', 'x'],
      ['call_1', 'y'],
    ],
  );
  const repeated = await read(
    delta({ tool_calls: [{ index: 0, id: 'a', function: { name: 'x', arguments: '{}' } }] }),
    delta({ tool_calls: [{ index: 0, id: 'b', function: { name: 'y', arguments: '{}' } }] }, 'stop'),
  );
  assert.deepEqual(
    repeated.calls.map(({ name }) => name),
    ['x', 'y'],
  );
});

test('indices that begin elsewhere, or leave gaps, still join the parts of a call', async () => {
  const { calls } = await read(
    delta({ tool_calls: [{ index: 1, id: 'a', function: { name: 'x', arguments: '{"v"' } }] }),
    delta({ tool_calls: [{ index: 1, function: { arguments: ':1' } }] }),
    delta({ tool_calls: [{ index: 7, id: 'b', function: { name: 'y', arguments: '{' } }] }),
    delta({ tool_calls: [{ index: 1, function: { arguments: '}' } }] }),
    delta({ tool_calls: [{ index: 7, function: { arguments: '}' } }] }, 'tool_calls'),
  );
  assert.deepEqual(calls, [
    { id: 'a', name: 'x', arguments: '{"v":1}' },
    { id: 'b', name: 'y', arguments: '{}' },
  ]);
});

test('a part with neither index nor name goes on with the call before', async () => {
  const { calls } = await read(
    delta({ tool_calls: [{ id: 'a', function: { name: 'x', arguments: '{' } }] }),
    delta({ tool_calls: [{ function: { arguments: '}' } }] }, 'tool_calls'),
  );
  assert.deepEqual(calls, [{ id: 'a', name: 'x', arguments: '{}' }]);
});

for (const [what, code, ...parts] of [
  ['no end', 'PROVIDER_BROKEN', delta({ content: 'Hel' })],
  ['no JSON', 'PROVIDER_BROKEN', 'data: {"choices": [\n\n'],
  ['another shape', 'PROVIDER_BROKEN', event({ choices: 'none' })],
  ['a number for text', 'PROVIDER_BROKEN', delta({ content: 7 })],
  ['an error in the stream', 'PROVIDER_FAILED', event({ error: { message: 'overloaded' } })],
  ['a web page', 'PROVIDER_BROKEN', '<html>Not found</html>'],
  [
    'endless arguments',
    'PROVIDER_BROKEN',
    delta({ tool_calls: [{ index: 0, function: { arguments: 'x'.repeat(40_000) } }] }),
  ],
  ['a line without end', 'PROVIDER_BROKEN', `data: ${'x'.repeat(300_000)}`, 'y'],
  ['too many calls', 'PROVIDER_BROKEN', delta({ tool_calls: Array.from({ length: 17 }, (_, index) => ({ index })) })],
] as const) {
  test(`refuses ${what}`, async () => {
    await assert.rejects(read(...parts), (error) => codeOf(error) === code);
  });
}

const SPOKEN: readonly (readonly [string, string])[] = [
  ['Plain words, 5 * 3 = 15 and a_b.', 'Plain words, 5 * 3 = 15 and a_b.'],
  ['**Bold** and *thin* and `code`.', 'Bold and thin and code.'],
  ['# Title\nText', 'Title\nText'],
  ['- one\n* two\n1. three', 'one\ntwo\n1. three'],
  ['<think>secret</think>Hello', 'Hello'],
  ['<thinking>\nsecret **x**\n</thinking>\nHello', '\nHello'],
  ['<think>never closed', ''],
  ['3 < 5 and <b>', '3 < 5 and <b>'],
  ['See [the page](https://example.com/a_b) now', 'See the page now'],
  ['A [bracket] stays', 'A [bracket] stays'],
  ['Great 👍🏽 👨‍👩‍👧 day', 'Great   day'],
  ['```js\nlet a;\n```\nDone', '\nlet a;\n\nDone'],
  ['> quoted\n\n---\nEnd', 'quoted\n\n\nEnd'],
];
for (const [written, spoken] of SPOKEN) {
  test(`speaks ${JSON.stringify(written)}`, () => {
    const at = (cuts: readonly number[]): string => {
      const speakable = createSpeakable();
      let out = '';
      let from = 0;
      for (const cut of [...cuts, written.length]) {
        out += speakable.push(written.slice(from, cut));
        from = cut;
      }
      return out + speakable.flush();
    };
    assert.equal(at([]), spoken);
    assert.equal(at(Array.from({ length: written.length }, (_, index) => index)), spoken, 'letter by letter');
  });
}

test('ordinary words are given at once', () => {
  const speakable = createSpeakable();
  assert.equal(speakable.push('Hello there, '), 'Hello there, ');
  assert.equal(speakable.push('friend.'), 'friend.');
});
