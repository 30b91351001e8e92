import assert from 'node:assert/strict';
import test from 'node:test';
import { skill } from './my-reminders.ts';
import { ask, assertLeaves } from './parse/ask.fixture.ts';

const PASTA = { kind: 'timer', label: 'pasta', localTime: '2026-11-21T15:05', inSeconds: 300 };
const OTHER = { kind: 'timer', label: null, localTime: '2026-11-21T15:15', inSeconds: 905 };
const SEVEN = { kind: 'alarm', label: null, localTime: '2026-11-22T07:30', inSeconds: 59_400 };
const EIGHT = { kind: 'alarm', label: 'school', localTime: '2026-11-22T08:00', inSeconds: 61_200 };

async function told(sentence: string, waiting: readonly object[], cancelled: readonly object[] = []) {
  const { said, calls } = await ask(
    skill,
    sentence,
    {},
    {
      list_reminders: JSON.stringify(waiting),
      cancel_reminders: JSON.stringify(cancelled),
    },
  );
  return { said, calls, cancel: calls.find(({ name }) => name === 'cancel_reminders')?.args };
}

for (const sentence of [
  'how much time is left',
  'how much time is left on my timer',
  'how long is left on the timer',
  'how much longer on the pasta timer',
  'what timers do I have',
  'list my timers',
  'when does the timer go off',
  'do I have any timers',
]) {
  test(`timers: ${sentence}`, async () => {
    const { said, calls } = await told(sentence, [PASTA]);
    assert.deepEqual(calls, [{ name: 'list_reminders', args: { kind: 'timer' } }]);
    assert.equal(said, '5 minutes left on your pasta timer.');
  });
}

test('lists several, and none', async () => {
  assert.equal(
    (await told('what timers do I have', [PASTA, OTHER])).said,
    'You have 2 timers. pasta with 5 minutes left and one with 15 minutes and 5 seconds left.',
  );
  assert.equal((await told('what are my alarms', [])).said, 'You have no alarms.');
  assert.equal((await told('what are my alarms', [SEVEN])).said, 'You have one alarm: tomorrow at 7:30 AM.');
});

const CANCEL: readonly (readonly [string, readonly object[], object | undefined])[] = [
  ['cancel the timer', [PASTA], { kind: 'timer', localTime: PASTA.localTime, label: 'pasta' }],
  ['stop the timer', [OTHER], { kind: 'timer', localTime: OTHER.localTime }],
  ['cancel the pasta timer', [PASTA, OTHER], { kind: 'timer', localTime: PASTA.localTime, label: 'pasta' }],
  ['cancel all timers', [PASTA, OTHER], { kind: 'timer' }],
  ['delete all of my timers', [PASTA, OTHER], { kind: 'timer' }],
  ['turn off my alarm', [SEVEN], { kind: 'alarm', localTime: SEVEN.localTime }],
  ['cancel my seven thirty alarm', [SEVEN, EIGHT], { kind: 'alarm', localTime: SEVEN.localTime }],
  ['cancel the alarm for eight', [SEVEN, EIGHT], { kind: 'alarm', localTime: EIGHT.localTime, label: 'school' }],
  ['cancel the timer', [PASTA, OTHER], undefined],
  ['cancel the egg timer', [PASTA, OTHER], undefined],
  ['cancel the timer', [], undefined],
];
for (const [sentence, waiting, args] of CANCEL) {
  test(`${sentence}, with ${waiting.length} waiting`, async () => {
    const { said, cancel } = await told(sentence, waiting, args === undefined ? [] : [waiting[0] ?? {}]);
    assert.deepEqual(cancel, args);
    assert.match(said ?? '', args === undefined ? /^(You have|I found no)/ : /^Cancelled/);
  });
}

test('does not say cancelled when it was too late', async () => {
  assert.equal((await told('cancel the timer', [PASTA], [])).said, 'That timer has rung already.');
});

test('leaves other sentences alone', () =>
  assertLeaves(skill, [
    'cancel it',
    'stop',
    'cancel my subscription',
    'how much time do we have in life',
    'stop the music',
  ]));
