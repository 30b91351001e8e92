import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, verifyPassword } from './hash.ts';

test('a password is verified against its own hash only', async () => {
  const stored = await hashPassword('correct horse battery');
  assert.match(stored, /^argon2id\$19456\$2\$1\$/);
  assert.equal(await verifyPassword('correct horse battery', stored), true);
  assert.equal(await verifyPassword('correct horse batterz', stored), false);
  assert.equal(await verifyPassword('correct horse battery', null), false);
});

test('the same password has another hash each time, and is the same in both forms of its letters', async () => {
  const stored = await hashPassword('caf\u00e9 caf\u00e9 caf\u00e9');
  assert.notEqual(stored, await hashPassword('caf\u00e9 caf\u00e9 caf\u00e9'));
  assert.equal(await verifyPassword('cafe\u0301 cafe\u0301 cafe\u0301', stored), true);
});

test('a flood is refused instead of taking every core', async () => {
  const stored = await hashPassword('correct horse battery');
  const tries = await Promise.allSettled(Array.from({ length: 60 }, () => verifyPassword('wrong', stored)));
  const refused = tries.filter(({ status }) => status === 'rejected').length;
  assert.ok(refused >= 30, String(refused));
  assert.equal(await verifyPassword('correct horse battery', stored), true);
});
