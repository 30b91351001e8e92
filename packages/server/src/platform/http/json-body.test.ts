import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Group, LIMITS } from '@muster/contract';
import { startTestServer, type TestServer } from '../../testing.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

async function post(path: string, body: string): Promise<{ status: number; code: string; text: string }> {
  const reply = await fetch(muster.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${muster.token}`, 'content-type': 'application/json' },
    body,
  });
  const text = await reply.text();
  return { status: reply.status, code: /"code":"(\w+)"/.exec(text)?.[1] ?? '', text };
}

test('JSON that nests without end is refused before anything is built of it', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  for (const [path, body] of [
    ['/api/groups', `{"name":"deep","query":{"all":[{"reported":"a","is":${deep}}]}}`],
    ['/api/notifiers', `{"kind":"webhook","name":"deep","settings":{"url":"https://example.com","x":${deep}}}`],
    ['/api/alert-rules', `{"kind":"threshold","name":"deep","params":{"x":${deep}}}`],
  ] as const) {
    assert.equal((await post(path, body)).code, 'MESSAGE_TOO_DEEP', path);
  }
});

test('a number past all numbers is refused: it would be stored as none, and the list could not be read again', async () => {
  const group = '{"name":"far","query":{"all":[{"reported":"a","above":1e999}]}}';
  assert.equal((await post('/api/groups', group)).code, 'REQUEST_INVALID');
  assert.equal((await post('/api/groups', group.replace('1e999', '1.5'))).status, 201);
  const { groups } = await muster.call<{ groups: Group[] }>('GET', '/api/groups');
  assert.equal(groups.length, 1);
});

test('an answer names the first faults of a request, however many it has', async () => {
  const body = `{"devices":[${'1,'.repeat(100_000)}1]}`;
  const { code, text } = await post('/api/devices/batch', body);
  assert.equal(code, 'REQUEST_INVALID');
  assert.ok(text.length < LIMITS.textFrameBytes, `${text.length} bytes`);
});
