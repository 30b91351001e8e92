import assert from 'node:assert/strict';
import test from 'node:test';
import { LANGUAGES } from '@muster/contract';
import { type LineKey, lines, lineTables, spaced } from './index.ts';
import { ringingLine } from './ringing.ts';

const keys = Object.keys(lineTables.en) as LineKey[];
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort();

for (const language of LANGUAGES) {
  test(`every line exists in ${language} with the placeholders of English`, () => {
    assert.deepEqual(Object.keys(lineTables[language]).sort(), [...keys].sort());
    for (const key of keys) {
      const text = lineTables[language][key];
      assert.ok(text.trim().length > 3, key);
      assert.ok(text.length <= 320, `${key} is too long to listen to`);
      assert.deepEqual(placeholders(text), placeholders(lineTables.en[key]), key);
    }
  });
}

test('lines of other scripts are written in them', () => {
  for (const key of keys) {
    assert.match(lineTables.ar[key], /\p{Script=Arabic}/u, key);
    assert.match(lineTables.zh[key], /\p{Script=Han}/u, key);
    assert.notEqual(lineTables.vi[key], lineTables.en[key], key);
  }
});

test('the activation code is read digit by digit', () => {
  assert.equal(
    lines.say('activation', 'en', { code: spaced('123456') }),
    'Your code is 1 2 3 4 5 6. Type it in the Muster dashboard.',
  );
});

test('a value that looks like a placeholder is not filled again', () => {
  assert.equal(lines.say('reminderRingsNamed', 'en', { label: 'buy {time} $1' }), 'A reminder: buy {time} $1.');
});

test('a missing parameter is a type error', () => {
  // @ts-expect-error the code is required
  assert.equal(lines.say('activation', 'en'), lineTables.en.activation);
});

test('ringing tells label, time and lateness', () => {
  const dueAt = Date.UTC(2026, 10, 21, 7, 30);
  const ringing = { reminderId: 'r', deviceId: 'd', kind: 'alarm', label: null, dueAt, lateMs: 0 } as const;
  assert.equal(ringingLine(ringing, 'en', 'UTC'), "It's 7:30 AM. This is your alarm.");
  assert.equal(
    ringingLine({ ...ringing, kind: 'reminder', label: 'call mom', lateMs: 61_000 }, 'en', 'Asia/Ho_Chi_Minh'),
    'While you were away, you had a reminder at 2:30 PM: call mom.',
  );
  assert.equal(ringingLine({ ...ringing, kind: 'timer', label: 'pasta' }, 'en', 'UTC'), 'Your pasta timer is done.');
  for (const language of LANGUAGES) assert.ok(!ringingLine(ringing, language, 'UTC').includes('{'));
});
