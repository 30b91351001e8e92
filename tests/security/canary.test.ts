import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import type { ApiKeyCreated, DeviceCreated, FactorAdded, InvitationCreated, TotpBegun } from '@muster/contract';
import { startTestServer, type TestPerson, type TestServer } from '@muster/server/testing';
import { connectLightMqtt } from '@muster/testkit';
import { Secret, TOTP } from 'otpauth';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { leastOf, operationsOf } from '../permissions/operations.ts';
import { createThings } from '../permissions/things.ts';

/**
 * Secrets of every kind are used as they should be, and as they should not be: in the wrong place, in words that are no
 * JSON, with things that fail. Then each is searched for, in the clear and in the encodings that hide it from a reader
 * only, in everything that leaves the server or outlives it.
 */
let muster: TestServer;
const begun = Date.now();
const CHUNK = 1_048_576;
/** More than the longest form has. */
const LONGEST = 500;
const logged: string[] = [];
const canaries = new Map<string, readonly string[]>();

/** Remembers a secret, with the ways in which it could be written. `raw`: the bytes that it stands for. */
function canary(name: string, secret: string, raw: Uint8Array = Buffer.from(secret)): string {
  const bytes = Buffer.from(raw);
  const forms = [
    secret,
    encodeURIComponent(secret),
    bytes.toString('hex'),
    bytes.toString('base64').replace(/=+$/, ''),
  ];
  canaries.set(name, [...new Set(forms)]);
  return secret;
}

const random = (): string => randomBytes(18).toString('base64url');

before(async () => {
  const to = new PassThrough();
  to.on('data', (line: Buffer) => logged.push(String(line)));
  muster = await startTestServer({
    parts: { log: createLogger('trace', to) },
    flags: [
      '--accounts.secondFactor.owner=false',
      `--voice.llm.openai.apiKey=${canary('key of the language model', random())}`,
      `--voice.stt.openai.apiKey=${canary('key of hearing', random())}`,
      `--alerts.smtp.password=${canary('password of the mail server', random())}`,
      // nobody is told at this address: what fails there names the address, and must not name the token in it
      '--alerts.telegramUrl=http://127.0.0.1:1',
    ],
  });
  canary('session of the administrator', muster.token);
  await usePeople();
  await useMachines();
});
after(() => muster?.stop());

const ask = (method: string, path: string, token: string | null, body?: string): Promise<Response> =>
  fetch(muster.url + path, {
    method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });

async function usePeople(): Promise<void> {
  const { siteId } = muster;
  const owner: TestPerson = await muster.person('owner');
  canary('password', owner.password);
  canary('session', owner.token);
  const wrong = canary('password that was mistyped', `${random()} mistyped`);
  await ask('POST', '/api/sessions', null, JSON.stringify({ email: owner.email, password: wrong }));
  // typed into the wrong field, and words that are no JSON: both are refused, and neither is quoted
  const typed = canary('password in the field of the address', `${random()}typed`);
  await ask('POST', '/api/sessions', null, JSON.stringify({ email: typed, password: 'x' }));
  const broken = canary('password in broken JSON', `${random()} broken`);
  const reply = await ask('POST', '/api/sessions', null, `{"password":"${broken}" "email"`);
  assert.equal(reply.status, 400);
  logged.push(await reply.text());

  const { secret } = await owner.call<TotpBegun>('POST', '/api/me/totp');
  canary('secret of the authenticator app', secret, new Uint8Array(Secret.fromBase32(secret).bytes));
  const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate();
  const { recoveryCodes } = await owner.call<FactorAdded>('POST', '/api/me/totp/confirm', { code });
  assert.ok(recoveryCodes !== null && recoveryCodes.length > 0);
  for (const [nth, one] of recoveryCodes.entries()) canary(`recovery code ${nth}`, one);

  const invited = { siteId, email: `${randomUUID()}@example.com`, role: 'viewer' };
  const { link } = await muster.call<InvitationCreated>('POST', '/api/invitations', invited);
  canary('invitation', new URL(link ?? '').searchParams.get('token') ?? '');
  const forgetful = await muster.person('viewer');
  await muster.call('POST', `/api/users/${forgetful.userId}/password-reset`);
  const reset = muster.printed.map((line) => /token=([\w-]+)/.exec(line)?.[1]).findLast((found) => found !== undefined);
  assert.ok(reset !== undefined, 'the link of the reset was printed');
  canary('reset link', reset);

  const key = await muster.call<ApiKeyCreated>('POST', '/api/api-keys', {
    siteId,
    name: 'Reads',
    actions: ['device.read', 'device.list'],
  });
  canary('API key', key.secret);
  assert.equal((await ask('GET', `/api/devices?siteId=${siteId}`, key.secret)).status, 200);
  // where no secret belongs
  await ask('GET', `/api/devices?siteId=${siteId}&token=${key.secret}`, null);
  await ask('GET', `/api/devices/${owner.token}`, muster.token);
}

async function useMachines(): Promise<void> {
  const { siteId } = muster;
  const device = await muster.call<DeviceCreated>('POST', '/api/devices', { siteId, name: 'Speaks' });
  canary('token of a device', device.token);
  await ask('POST', '/device/v1/telemetry', device.token, JSON.stringify({ values: { temperature: 20 } }));
  await ask('POST', `/api/v1/${device.token}/telemetry`, null, JSON.stringify({ temperature: 21 }));
  await ask('POST', `/api/v1/${device.token}/nowhere`, null, '{}');
  const port = muster.server.mqtt.port ?? 0;
  const mqtt = await connectLightMqtt({
    host: '127.0.0.1',
    port,
    username: 'me',
    password: device.token,
  });
  await mqtt.publish('devices/me/telemetry', JSON.stringify({ values: { temperature: 22 } }));
  mqtt.drop();
  const stranger = canary('token that nobody has', random());
  await ask('POST', '/device/v1/telemetry', stranger, '{}');
  await connectLightMqtt({ host: '127.0.0.1', port, username: 'me', password: stranger }).catch(() => undefined);

  const hmacKey = randomBytes(32);
  canary('key of a device', hmacKey.toString('hex'), hmacKey);
  await muster.call('POST', '/api/device-keys', { siteId, serialNumber: 'SN-1', hmacKey: hmacKey.toString('hex') });

  const notifiers = [
    { kind: 'webhook', settings: { url: 'https://hooks.example.com/x' }, secret: { signingKey: random() } },
    { kind: 'telegram', settings: { chatId: '-100123' }, secret: { botToken: `123456:${random()}${random()}` } },
  ];
  for (const { kind, settings, secret } of notifiers) {
    const [[field, value] = ['', '']] = Object.entries(secret);
    canary(`${field} of ${kind}`, value);
    const made = { siteId, kind, name: kind, settings, secrets: secret };
    const { notifierId } = await muster.call<{ notifierId: string }>('POST', '/api/notifiers', made);
    // it fails, and says why
    logged.push(await (await ask('POST', `/api/notifiers/${notifierId}/test`, muster.token)).text());
  }
}

function search(where: string, text: string): void {
  for (const [name, forms] of canaries) {
    for (const form of forms) {
      const at = text.indexOf(form);
      const around = text.slice(Math.max(0, at - 200), at).replaceAll(/\s+/g, ' ');
      assert.ok(at < 0, `${where} has the ${name}, after: ${around}`);
    }
  }
}

test('the search finds each secret in each of its forms', () => {
  assert.ok(canaries.size >= 25, String(canaries.size));
  for (const [name, forms] of canaries) {
    for (const form of forms) {
      assert.ok(form.length >= 8, `${name} is too short to be searched for`);
      assert.throws(() => search('a place', `x${form}y`), /a place has the/);
    }
  }
});

test('no log has a secret, whatever failed', () => {
  const log = logged.join('');
  assert.ok(log.includes('request refused'), 'refusals were logged');
  search('the log', log);
});

test('no row of the database has a secret', async () => {
  const tables = await muster.sql<{ name: string }>(
    "SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
  );
  assert.ok(tables.length > 30);
  let rows = 0;
  for (const { name } of tables) {
    const found = await muster.sql<{ row: string }>(`SELECT t::text AS row FROM ${name} t`);
    rows += found.length;
    for (const { row } of found) search(`the table ${name}`, row);
  }
  assert.ok(rows > 100, String(rows));
});

test('no file of the server has a secret but the one that has the key', async () => {
  await muster.sql('CHECKPOINT');
  const entries = await readdir(muster.dataDir, { recursive: true, withFileTypes: true });
  let files = 0;
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    // the files of a cluster that was copied are older
    if (!entry.isFile() || (await stat(path)).mtimeMs < begun) continue;
    files += 1;
    const bytes = await readFile(path);
    // latin1 keeps every byte
    for (let at = 0; at < bytes.length; at += CHUNK) {
      search(`the file ${entry.name}`, bytes.subarray(at, at + CHUNK + LONGEST).toString('latin1'));
    }
  }
  assert.ok(files > 100, String(files));
});

test('no answer of the API has a secret again, nor an export, nor the metrics', async (t) => {
  const things = await createThings(muster);
  t.after(() => things.end());
  let answers = 0;
  for (const operation of operationsOf(muster.server.openapi())) {
    if (operation.method !== 'GET' || operation.action === 'device.speak') continue;
    let path = operation.path;
    const formats = operation.parameters.find(({ name }) => name === 'format')?.schema.enum ?? [null];
    for (const { in: where, name } of operation.parameters) {
      if (where === 'path') path = path.replace(`{${name}}`, await things.make(name, false));
    }
    for (const format of formats) {
      const query = new URLSearchParams(format === null ? {} : { format: String(format) });
      for (const { in: where, name, required, schema } of operation.parameters) {
        if (where === 'query' && name === 'siteId') query.set(name, muster.siteId);
        else if (where === 'query' && required && name !== 'format') query.set(name, String(leastOf(schema)));
      }
      const reply = await ask('GET', `${path}?${query}`, muster.token);
      search(operation.name, await reply.text());
      for (const [name, value] of reply.headers) search(`${operation.name} (${name})`, value);
      answers += reply.ok ? 1 : 0;
    }
  }
  assert.ok(answers > 50, String(answers));
});
