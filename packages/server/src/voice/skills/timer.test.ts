import assert from 'node:assert/strict';
import test from 'node:test';
import { ask, assertLeaves } from './parse/ask.fixture.ts';
import { skill } from './timer.ts';

const SET: readonly (readonly [string, number, string?])[] = [
  ['set a timer for ten minutes', 600],
  ['Set the timer to 10 minutes, please.', 600],
  ['set a timer four ten minutes', 600],
  ['timer five minutes', 300],
  ['ten minute timer', 600],
  ['set a 10-minute timer', 600],
  ['can you set a timer for an hour and a half', 5_400],
  ['start a timer for two hours and fifteen minutes', 8_100],
  ['could you please start a timer for twenty five minutes', 1_500],
  ['set a timer for two and a half minutes', 150],
  ['half an hour timer', 1_800],
  ['set a timer for half an hour', 1_800],
  ['count down from thirty seconds', 30],
  ['give me a one minute timer', 60],
  ['um set a timer for uh no wait', 0],
  ['set a pasta timer for eight minutes', 480, 'pasta'],
  ['start a five minute pasta timer', 300, 'pasta'],
  ['set a timer for 90 seconds for the eggs', 90, 'eggs'],
  ['set a timer for 3 minutes called tea', 180, 'tea'],
];
for (const [sentence, seconds, label] of SET) {
  test(`timer: ${sentence}`, async () => {
    const { said, calls } = await ask(skill, sentence);
    if (seconds === 0) return assert.equal(said, null);
    assert.deepEqual(calls, [{ name: 'set_timer', args: { seconds, ...(label === undefined ? {} : { label }) } }]);
    assert.match(said ?? '', /timer is running/);
  });
}

test('a timer without a length is asked for, one too long is refused', async () => {
  const open = await ask(skill, 'set a timer');
  assert.match(open.said ?? '', /For how long/);
  assert.deepEqual(open.calls, []);
  const long = await ask(skill, 'set a timer for three weeks');
  assert.match(long.said ?? '', /a week at most/);
  assert.deepEqual(long.calls, []);
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'the timer of his life',
    'time flies',
    'it took ten minutes',
    'cancel the timer',
    'how long is ten minutes',
    'ten minutes',
  ]));
