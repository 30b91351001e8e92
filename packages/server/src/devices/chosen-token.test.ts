import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { checkToken } from './chosen-token.ts';

test('tokens that were drawn are taken', () => {
  checkToken('A1_TEST_TOKEN_x9Zq7k', 'Oven');
  for (let round = 0; round < 2_000; round++) checkToken(randomBytes(15).toString('base64url'), 'Oven');
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
    assert.throws(() => checkToken(token, 'Oven'), { code: 'TOKEN_WEAK', message: /^The token of "Oven" / }, token);
  }
});
