import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { checkToken } from './chosen-token.ts';

test('tokens that were drawn are taken', () => {
  checkToken('A1_TEST_TOKEN_x9Zq7k');
  for (let round = 0; round < 2_000; round++) checkToken(randomBytes(15).toString('base64url'));
});

test('tokens that can be guessed are refused', () => {
  for (const token of [
    'short',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'abababababababababababab',
    '01234567890123456789',
    'abcdefghijklmnopqrstuvwxyz',
    'zyxwvutsrqponmlkjihgfedcba',
  ]) {
    assert.throws(() => checkToken(token), { code: 'TOKEN_WEAK' }, token);
  }
});
