import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { Assistant, AssistantList, Device, ErrorReply, Site } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';
import { createXiaozhiDevice } from '@muster/testkit';
import { type Action, permissionOf } from '../../packages/server/src/accounts/permissions.ts';

/** The HTTP API of the whole server, as its administrator and as nobody. */
let muster: TestServer;

before(async () => {
  muster = await startTestServer();
});
after(() => muster?.stop());

const bare = (method: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(muster.url + path, { method, ...init });
const codeOf = async (reply: Response): Promise<string> => ((await reply.json()) as ErrorReply).error.code;

test('the set-up link works once', async () => {
  const body = JSON.stringify({ ...TEST_ADMINISTRATOR, token: 'guess' });
  const reply = await bare('POST', '/api/setup', { headers: { 'content-type': 'application/json' }, body });
  assert.equal(await codeOf(reply), 'SETUP_DONE');
  assert.match(await (await bare('GET', '/setup')).text(), /Set up already/);
});

test('without a session every route of the API but signing in says so', async () => {
  const { paths } = (await (await bare('GET', '/api/openapi.json')).json()) as {
    paths: Record<string, Record<string, { readonly 'x-action': Action }>>;
  };
  let tried = 0;
  for (const [path, methods] of Object.entries(paths)) {
    if (path.startsWith('/xiaozhi/')) continue;
    for (const [method, operation] of Object.entries(methods)) {
      const action = operation['x-action'];
      if (permissionOf(action).who === 'anyone' && action !== 'device.speak') continue;
      const url = path.replaceAll(/\{\w+\}/g, randomUUID());
      const reply = await bare(method.toUpperCase(), url, {
        ...(['post', 'patch'].includes(method)
          ? {
              body: JSON.stringify({ code: '123456', name: 'x', serialNumber: 'x', hmacKey: 'ab'.repeat(16) }),
              headers: { 'content-type': 'application/json' },
            }
          : {}),
      });
      assert.equal(reply.status, 401, `${method} ${path}`);
      tried += 1;
    }
  }
  assert.ok(tried >= 15, String(tried));
});

test('a wrong password and an unknown user are told the same; too many tries wait', async () => {
  const codes: string[] = [];
  for (let i = 0; i < 24; i++) {
    const body = JSON.stringify({
      email: i % 2 === 0 ? TEST_ADMINISTRATOR.email : 'nobody@example.com',
      password: 'wrong',
    });
    const reply = await bare('POST', '/api/sessions', { headers: { 'content-type': 'application/json' }, body });
    codes.push(await codeOf(reply));
  }
  assert.deepEqual(new Set(codes.slice(0, 16)), new Set(['SIGN_IN_FAILED']));
  assert.equal(codes.at(-1), 'RATE_LIMITED');
});

test('answers carry no script, no frame, and an error says what to do', async () => {
  const reply = await bare('PATCH', `/api/sites/${muster.siteId}`, {
    headers: { 'content-type': 'application/json', authorization: `Bearer ${muster.token}` },
    body: JSON.stringify({ timeZone: 'Mars/Olympus' }),
  });
  assert.equal(reply.status, 400);
  assert.match(((await reply.json()) as ErrorReply).error.message, /Asia\/Ho_Chi_Minh/);
  assert.match(reply.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.equal(reply.headers.get('x-content-type-options'), 'nosniff');
});

test('an assistant: null stays null, unknown providers are refused by name, the last one stays', async () => {
  const made = await muster.call<Assistant>('POST', `/api/sites/${muster.siteId}/assistants`, {
    name: 'Bob',
    allowedTools: ['a'],
  });
  const changed = await muster.call<Assistant>('PATCH', `/api/assistants/${made.assistantId}`, {
    allowedTools: null,
    voice: null,
  });
  assert.deepEqual([changed.allowedTools, changed.voice], [null, null]);
  await assert.rejects(muster.call('PATCH', `/api/assistants/${made.assistantId}`, { llm: ['hal'] }), {
    code: 'PROVIDER_UNKNOWN',
  });
  const { assistants } = await muster.call<AssistantList>('GET', `/api/sites/${muster.siteId}/assistants`);
  const done = await Promise.allSettled(
    assistants.map(({ assistantId }) => muster.call('DELETE', `/api/assistants/${assistantId}`)),
  );
  assert.equal(done.filter(({ status }) => status === 'fulfilled').length, assistants.length - 1);
});

test('a site changes only in what is named; nothing named changes nothing', async () => {
  const before = await muster.call<Site>('GET', `/api/sites/${muster.siteId}`);
  assert.deepEqual(await muster.call<Site>('PATCH', `/api/sites/${muster.siteId}`, {}), before);
  const after = await muster.call<Site>('PATCH', `/api/sites/${muster.siteId}`, { name: 'Hall' });
  assert.deepEqual(after, { ...before, name: 'Hall' });
});

test('the newer socket of a device wins, and the list says who is connected', async () => {
  const identity = { otaUrl: muster.otaUrl, hardwareId: '02:00:00:00:04:01', clientId: randomUUID() };
  const [first, second] = [createXiaozhiDevice(identity), createXiaozhiDevice(identity)];
  let deviceId = '';
  await first.activateWith(async (code) => {
    deviceId = await muster.activate(code);
  });
  await first.connect();
  await second.checkIn();
  await second.connect();
  assert.match(JSON.stringify(await first.closed()), /SESSION_REPLACED/);
  assert.equal((await muster.call<Device>('GET', `/api/devices/${deviceId}`)).connected, true);
  assert.equal((await second.say('still here')).heard, 'still here');
  second.close();
});

test('config show hides secrets', async () => {
  const config = JSON.stringify(await muster.call('GET', '/api/config'));
  assert.match(config, /"port":0/);
  assert.doesNotMatch(config, /postgres(ql)?:\/\//);
});

test('characters that a terminal obeys, or that cannot be stored, are refused, not a fault of ours', async () => {
  for (const name of ['a\u0000b', 'a\u001b[31m', '\u202eevil', '   ']) {
    await assert.rejects(muster.call('PATCH', `/api/sites/${muster.siteId}`, { name }), { code: 'REQUEST_INVALID' });
  }
  const body = JSON.stringify({ email: 'a\u0000@x.io', password: 'x' });
  const reply = await bare('POST', '/api/sessions', { headers: { 'content-type': 'application/json' }, body });
  assert.ok([400, 429].includes(reply.status), String(reply.status));
  assert.doesNotMatch(
    (await bare('GET', '/api/docs/')).headers.get('content-security-policy') ?? '',
    /upgrade-insecure/,
  );
});
