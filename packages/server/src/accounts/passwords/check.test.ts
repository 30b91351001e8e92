import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { dictionary } from '@zxcvbn-ts/language-common';
import { checkPassword } from './check.ts';
import { DEFAULTS } from './defaults.fixture.ts';

test('of the well-known default passwords none is accepted', () => {
  assert.ok(DEFAULTS.length >= 200, String(DEFAULTS.length));
  const accepted = DEFAULTS.filter((password) => !isRefused(password));
  assert.deepEqual(accepted, []);
  assert.ok(DEFAULTS.filter(({ length }) => length >= 12).length >= 100);
});

test('every common password of twelve or more characters is refused', () => {
  const long = dictionary['passwords-common'].filter((password) => password.length >= 12);
  assert.ok(long.length > 200);
  assert.deepEqual(
    long.filter((password) => !isRefused(password)),
    [],
  );
});

test('a thousand random passphrases and random strings are accepted', () => {
  const words = dictionary['diceware-common'];
  const pick = (from: readonly string[] | string): string => from[randomInt(from.length)] ?? '';
  const some = (count: number, from: readonly string[] | string, between: string): string =>
    Array.from({ length: count }, () => pick(from)).join(between);
  const signs = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_';
  const about = { email: 'anh.nguyen@example.org', name: 'Anh Nguyễn', siteNames: ['Quán cà phê'] };
  for (let count = 0; count < 1_000; count += 1) {
    let phrase = some(4, words, pick(['-', ' ', '']));
    while (phrase.length < 17) phrase += ` ${pick(words)}`;
    for (const password of [phrase, some(16, signs, '')]) checkPassword(password, about);
  }
});

test('what is known about the owner does not make a password', () => {
  const about = { email: 'linh.tran@quanlinh.example', name: 'Trần Mai Linh', siteNames: ['Blue Lagoon'] };
  for (const password of [
    'linhtran12345',
    'Linh.Tran-2026!',
    'quanlinh2026!!',
    'bluelagoon123',
    'noogaleulb12',
    'Lagoon-2026-!!',
  ])
    assert.throws(() => checkPassword(password, about), { code: /PASSWORD_(WEAK|BREACHED)/ }, password);
  checkPassword('linh eats purple clouds', about);
  checkPassword('bluelagoon123 verandah');
});

test('twelve characters as people count them', () => {
  const faces = [
    ...'\u{1f600}\u{1f436}\u{1f680}\u{1f33b}\u{1f389}\u{1f4a1}\u{1f3b8}\u{1f955}\u{1f30d}\u{1f511}\u{1f9f6}\u{1f6b2}',
  ];
  assert.throws(() => checkPassword(faces.slice(1).join('')), { code: 'PASSWORD_WEAK', message: /12 characters/ });
  checkPassword(faces.join(''));
});

test('the reason is told', () => {
  assert.throws(() => checkPassword('password1234'), { code: 'PASSWORD_BREACHED', message: /attackers try first/ });
  assert.throws(() => checkPassword('xyxyxyxyxyxyxy'), { code: 'PASSWORD_WEAK', message: /repeats/ });
  assert.throws(() => checkPassword('hjkl;fghjk34567'), { code: 'PASSWORD_WEAK', message: /keyboard/ });
});

function isRefused(password: string): boolean {
  try {
    checkPassword(password);
    return false;
  } catch (error) {
    return ['PASSWORD_WEAK', 'PASSWORD_BREACHED'].includes((error as { code: string }).code);
  }
}
