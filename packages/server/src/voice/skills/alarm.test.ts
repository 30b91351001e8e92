import assert from 'node:assert/strict';
import test from 'node:test';
import { skill } from './alarm.ts';
import { ask, assertLeaves } from './parse/ask.fixture.ts';

// It is Saturday, 21 November 2026, 15:00 in Ho Chi Minh City.
const SET: readonly (readonly [string, string, string?])[] = [
  ['wake me up at seven thirty tomorrow', '2026-11-22T07:30'],
  ['wake me at six', '2026-11-22T06:00'],
  ['wake me up at quarter to eight', '2026-11-22T07:45'],
  ['set an alarm for seven', '2026-11-21T19:00'],
  ['set an alarm for two', '2026-11-22T02:00'],
  ['set an alarm for 6:45 a.m.', '2026-11-22T06:45'],
  ['set an alarm for five p m', '2026-11-21T17:00'],
  ['set a seven am alarm', '2026-11-22T07:00'],
  ['set my alarm for half past six tomorrow morning', '2026-11-22T06:30'],
  ['set alarm to ten past nine', '2026-11-21T21:10'],
  ['alarm at noon', '2026-11-22T12:00'],
  ['set an alarm for seven oh five', '2026-11-21T19:05'],
  ['set an alarm for nineteen forty five', '2026-11-21T19:45'],
  ['set an alarm for friday at nine called dentist', '2026-11-27T09:00', 'dentist'],
  ['set an alarm for seven in the evening', '2026-11-21T19:00'],
];
for (const [sentence, localTime, label] of SET) {
  test(`alarm: ${sentence}`, async () => {
    const { said, calls } = await ask(skill, sentence);
    assert.deepEqual(calls, [{ name: 'set_alarm', args: { localTime, ...(label === undefined ? {} : { label }) } }]);
    assert.match(said ?? '', /^Your alarm is set for /);
  });
}

test('a span is kept to the second', async () => {
  const { said, calls } = await ask(skill, 'wake me up in twenty minutes');
  assert.deepEqual(calls, [{ name: 'set_alarm', args: { seconds: 1_200 } }]);
  assert.equal(said, 'Your alarm is set for 3:20 PM.');
});

test('the time zone of the site counts, not that of the machine', async () => {
  const { calls } = await ask(skill, 'wake me at seven', { timeZone: 'America/New_York' });
  assert.deepEqual(calls[0]?.args, { localTime: '2026-11-21T07:00' });
});

test('an alarm without a time is asked for', async () => {
  const { said, calls } = await ask(skill, 'set an alarm');
  assert.match(said ?? '', /For what time/);
  assert.deepEqual(calls, []);
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'wake me up when september ends',
    'he raised the alarm at once',
    'the alarm was raised at seven',
    'cancel the alarm',
    'wake me up before you go go',
  ]));
