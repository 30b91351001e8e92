import assert from 'node:assert/strict';
import { test } from 'node:test';
import { routeTo } from './address.ts';

const resolve = (address: string, name: string): Promise<Error | null> => {
  const { lookup } = routeTo(address, 'wss:', 'ws:');
  assert.ok(lookup);
  return new Promise((done) => lookup(name, {}, (error) => done(error)));
};

test('TLS goes anywhere, plain only to this machine and private networks', () => {
  const allowed = [
    'wss://example.org/x',
    'ws://127.0.0.1:8000/',
    'ws://192.168.1.4/',
    'ws://10.1.1.1/',
    'ws://[::1]:80/',
  ];
  for (const address of [...allowed, 'ws://[fd00::1]/', 'ws://172.31.0.1/']) routeTo(address, 'wss:', 'ws:');
  for (const address of [
    'ws://8.8.8.8/',
    'ws://172.32.0.1/',
    'ws://[2001:db8::1]/',
    'ws://0.0.0.0/',
    'ws://192.0.2.7/',
  ]) {
    assert.throws(
      () => routeTo(address, 'wss:', 'ws:'),
      (error: Error) => /not encrypted\. Use wss/.test(error.message),
    );
  }
  for (const address of ['', 'https://x/', 'javascript:1', 'x']) {
    assert.throws(() => routeTo(address, 'wss:', 'ws:'), { code: 'CONFIG_INVALID' });
  }
});

test('a name is judged by what it resolves to', async () => {
  assert.equal(await resolve('ws://localhost:1/', 'localhost'), null);
  // what a name that resolves to a public address gives, without asking a name server
  assert.match(String(await resolve('ws://localhost:1/', '8.8.8.8')), /not encrypted/);
});
