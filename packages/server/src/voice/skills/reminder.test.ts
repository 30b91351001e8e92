import assert from 'node:assert/strict';
import test from 'node:test';
import { ask, assertLeaves } from './parse/ask.fixture.ts';
import { skill } from './reminder.ts';

// It is Saturday, 21 November 2026, 15:00 in Ho Chi Minh City.
const SET: readonly (readonly [string, string, string | number])[] = [
  ['remind me to call mom in five minutes', 'call mom', 300],
  ['remind me in five minutes to call my mom', 'call your mom', 300],
  ['remind me to turn the oven off in an hour', 'turn the oven off', 3_600],
  ['remind me at 5 pm to take the bread out', 'take the bread out', '2026-11-21T17:00'],
  ['remind me tomorrow to water the plants', 'water the plants', '2026-11-22T09:00'],
  ['remind me about the meeting at three thirty on monday', 'the meeting', '2026-11-23T15:30'],
  ['remind me to take my pills at eight tonight', 'take your pills', '2026-11-21T20:00'],
  [
    'remind me that I have a dentist appointment tomorrow at nine',
    'you have a dentist appointment',
    '2026-11-22T09:00',
  ],
  ['can you remind me to buy two apples at five', 'buy 2 apples', '2026-11-21T17:00'],
  ['set a reminder to call the doctor at three pm', 'call the doctor', '2026-11-22T15:00'],
  ['set a reminder for 5 pm to feed the cat', 'feed the cat', '2026-11-21T17:00'],
  ['remind me to feed the cat at three', 'feed the cat', '2026-11-22T15:00'],
];
for (const [sentence, label, when] of SET) {
  test(`reminder: ${sentence}`, async () => {
    const { said, calls } = await ask(skill, sentence);
    const time = typeof when === 'number' ? { seconds: when } : { localTime: when };
    assert.deepEqual(calls, [{ name: 'set_reminder', args: { label, ...time } }]);
    assert.ok(said?.startsWith('I will remind you') === true && said.endsWith(`: ${label}.`), said ?? 'not taken');
  });
}

test('what is missing is asked for', async () => {
  assert.match((await ask(skill, 'remind me to buy milk')).said ?? '', /^When\?/);
  assert.match((await ask(skill, 'set a reminder')).said ?? '', /^What should I/);
  assert.match((await ask(skill, 'remind me in ten minutes')).said ?? '', /^What should I/);
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, ['remind me of the good old days', 'that reminds me of you', 'he reminded me to call at five']));
