import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes, randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { type ApiKeyCreated, type DeviceCreated, LIVE_PATH, type SessionReply } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestPerson, type TestServer } from '@muster/server/testing';
import { connectLightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import { DEVICE_SOCKET_PATH } from '../../packages/server/src/gateway/device/index.ts';
import { openViewer } from '../../packages/server/src/gateway/live/live.fixture.ts';

/**
 * Tokens that are wrong in every way that somebody thought of, at every door that takes one. What is right opens its own
 * door, so that a refusal says something.
 */
let muster: TestServer;
let owner: TestPerson;
let device: DeviceCreated;
let key: ApiKeyCreated;
/** What is wrong with it, and the token. */
const hostile = new Map<string, string>();

before(async () => {
  muster = await startTestServer({ flags: ['--accounts.secondFactor.owner=false'] });
  owner = await muster.person('owner');
  const { siteId } = muster;
  device = await muster.call<DeviceCreated>('POST', '/api/devices', { siteId, name: 'Speaks' });
  key = await muster.call<ApiKeyCreated>('POST', '/api/api-keys', { siteId, name: 'K', actions: ['device.read'] });
  for (const [of, token] of [
    ['a session', owner.token],
    ['a device', device.token],
    ['a key', key.secret],
  ] as const) {
    for (const [how, wrong] of mangled(token)) hostile.set(`${of}: ${how}`, wrong);
  }
  for (const [how, token] of await forged()) hostile.set(how, token);
});
after(() => muster?.stop());

function mangled(token: string): [string, string][] {
  const swapped = [...token].map((letter) =>
    letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase(),
  );
  const middle = Math.floor(token.length / 2);
  const flipped = token[middle] === 'A' ? 'B' : 'A';
  return [
    ['a character short', token.slice(0, -1)],
    ['a character long', `${token}A`],
    ['without its first character', token.slice(1)],
    ['another in the middle', token.slice(0, middle) + flipped + token.slice(middle + 1)],
    ['in the other case', swapped.join('')],
    ['backwards', [...token].reverse().join('')],
    ['twice', token + token],
    ['its hash, as it is stored', createHash('sha256').update(token).digest('hex')],
    ['its hash in another spelling', createHash('sha256').update(token).digest('base64url')],
    ['as base64', Buffer.from(token).toString('base64')],
    ['escaped', `%${Buffer.from(token[0] ?? '').toString('hex')}${token.slice(1)}`],
    ['in quotes', `"${token}"`],
    ['with another behind it', `${token},${token}`],
    ['with a wildcard', `${token.slice(0, 8)}%`],
  ];
}

/** JSON Web Tokens, which this server has none of, and what stands in the database beside a token. */
async function forged(): Promise<[string, string][]> {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { sub: owner.userId, email: owner.email, role: 'administrator', aud: 'muster', exp: 4_000_000_000 };
  const pem = (await muster.call<{ publicKey: string }>('GET', '/api/audit/key')).publicKey;
  const signed = (header: object, secret: string): string => {
    const text = `${part(header)}.${part(claims)}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const [session] = await muster.sql<{ id: string; hash: string }>(
    "SELECT session_id::text AS id, encode(token_hash, 'hex') AS hash FROM sessions WHERE user_id = $1",
    [owner.userId],
  );
  const other = { ...claims, aud: 'another server', iss: 'https://login.example.com' };
  return [
    ['a JWT without a signature', `${part({ alg: 'none' })}.${part(claims)}.`],
    ['a JWT without a signature, in another spelling', `${part({ alg: 'nOnE', typ: 'JWT' })}.${part(claims)}.`],
    ['a JWT signed with a secret that everybody knows', signed({ alg: 'HS256' }, 'secret')],
    ['a JWT signed with our public key as if it were a secret', signed({ alg: 'HS256' }, pem)],
    ['a JWT that names its own key', signed({ alg: 'HS256', jwk: { kty: 'oct', k: part({}) } }, part({}))],
    ['a JWT for another audience', `${part({ alg: 'RS256' })}.${part(other)}.${randomBytes(64).toString('base64url')}`],
    ['a JWT that ended', signed({ alg: 'HS256', exp: 1 }, 'secret')],
    ['the id of a session', session?.id ?? ''],
    ['the hash of a session', session?.hash ?? ''],
    ['the id of a user', owner.userId],
    ['the address of a user', owner.email],
    ['the id of a device', device.device.deviceId],
    ['the id of a key', key.key.keyId],
    ['words of a query', "' OR '1'='1"],
    ['a very long one', 'x'.repeat(6_000)],
    ['random', randomBytes(32).toString('base64url')],
    ['mock_token', 'mock_token'],
  ];
}

/** As bytes, past the client that would refuse to send it. Status; null: it was hung up on. */
function askRaw(path: string, headers: Record<string, string>): Promise<number | null> {
  const { hostname, port } = new URL(muster.url);
  return new Promise((resolve) => {
    const sent = request({ hostname, port, path, headers }, (reply) => {
      reply.resume();
      resolve(reply.statusCode ?? null);
    });
    sent.once('error', () => resolve(null));
    sent.end();
  });
}

const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
const asOurs = (path: string, headers: Record<string, string>): Promise<number | null> => askRaw(path, headers);

test('each door opens for what belongs to it', async () => {
  assert.equal(await asOurs('/api/me', bearer(owner.token)), 200);
  assert.equal(await asOurs(`/api/devices/${device.device.deviceId}`, bearer(key.secret)), 200);
  assert.equal(await asOurs('/device/v1/twin', bearer(device.token)), 200);
  assert.equal(await asOurs('/api/me', { cookie: `muster_session=${owner.token}` }), 200);
  assert.equal(await mqttOpens(device.token), true);
  assert.equal(await liveOpens(owner.token), true);
});

test('no hostile token is anybody, in the header or the cookie', async () => {
  assert.ok(hostile.size >= 55, String(hostile.size));
  for (const [how, token] of hostile) {
    assert.equal(await asOurs('/api/me', bearer(token)), 401, how);
    assert.equal(await asOurs('/device/v1/twin', bearer(token)), 401, how);
    // whoever reads a cookie takes quotes and escapes away: those two would be right
    if (!/in quotes|escaped/.test(how)) {
      const cookie = `muster_session=${token.replaceAll(/[";,\s]/g, '')}`;
      assert.equal(await asOurs('/api/me', { cookie }), 401, `${how}, as a cookie`);
    }
    assert.equal(await asOurs('/api/me', { authorization: token }), 401, `${how}, without a scheme`);
    assert.equal(await asOurs(`/api/me?token=${encodeURIComponent(token)}`, {}), 401, `${how}, in the address`);
  }
});

test('a right token of one kind opens no door of another', async () => {
  assert.equal(await asOurs('/api/me', bearer(device.token)), 401, 'a device is no person');
  assert.equal(await asOurs('/device/v1/twin', bearer(owner.token)), 401, 'a person is no device');
  assert.equal(await asOurs('/device/v1/twin', bearer(key.secret)), 401, 'a key is no device');
  assert.equal(await asOurs('/api/me', { cookie: `muster_session=${device.token}` }), 401);
  assert.equal(await asOurs('/api/me', { cookie: `__Host-muster_session=${device.token}` }), 401);
  // a key is for programs, which have no cookies and no account
  const status = await asOurs('/api/me', { cookie: `muster_session=${key.secret}` });
  assert.ok(status === 401 || status === 403, String(status));
  assert.equal(await liveOpens(device.token), false);
  assert.equal(await liveOpens(key.secret), false);
  assert.equal(await mqttOpens(owner.token), false);
  // what is right for one place does not count besides a wrong one
  const both = { ...bearer('mock_token'), cookie: `muster_session=${owner.token}` };
  assert.equal(await asOurs('/api/me', both), 401, 'the header counts');
});

async function liveOpens(token: string): Promise<boolean> {
  const url = muster.url.replace('http:', 'ws:') + LIVE_PATH;
  try {
    (await openViewer(url, token)).end();
    return true;
  } catch {
    return false;
  }
}

async function mqttOpens(password: string, username = 'me'): Promise<boolean> {
  try {
    const client = await connectLightMqtt({
      host: '127.0.0.1',
      port: muster.server.mqtt.port ?? 0,
      username,
      password,
    });
    client.drop();
    return true;
  } catch {
    return false;
  }
}

test('no hostile token opens a socket', async () => {
  // some of each kind: the doors ask the same that HTTP asks
  const some = [...hostile].filter((_, nth) => nth % 3 === 0);
  for (const [how, token] of some) {
    assert.equal(await mqttOpens(token), false, `MQTT: ${how}`);
    assert.equal(await mqttOpens(token, 'key'), false, `MQTT as a key: ${how}`);
    if (!/["\s]/.test(token)) assert.equal(await liveOpens(token), false, `live: ${how}`);
  }
  const answers = await Promise.all(some.map(([, token]) => deviceSocket(token)));
  assert.deepEqual(new Set(answers), new Set([401]));
});

function deviceSocket(token: string): Promise<number | 'open'> {
  const url = muster.url.replace('http:', 'ws:') + DEVICE_SOCKET_PATH;
  return new Promise((resolve) => {
    const socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token.replaceAll(/[^\x20-\x7e]/g, '')}` },
    });
    socket.once('open', () => {
      socket.close();
      resolve('open');
    });
    socket.once('unexpected-response', (_request, { statusCode = 0 }) => {
      socket.terminate();
      resolve(statusCode);
    });
    socket.once('error', () => undefined);
  });
}

test('a session begins with a token that nobody had before, and ends with all its copies', async () => {
  const { email, password } = TEST_ADMINISTRATOR;
  // somebody put a token into the browser beforehand: it is not the one that counts afterwards
  const planted = randomBytes(32).toString('base64url');
  const reply = await fetch(`${muster.url}/api/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', cookie: `muster_session=${planted}` },
    body: JSON.stringify({ email, password }),
  });
  const { token } = (await reply.json()) as SessionReply;
  assert.notEqual(token, planted);
  assert.ok(!(reply.headers.get('set-cookie') ?? '').includes(planted));
  assert.equal(await asOurs('/api/me', bearer(planted)), 401);
  const again = await muster.call<SessionReply>('POST', '/api/sessions', { email, password });
  assert.notEqual(again.token, token, 'each time another');
  await fetch(`${muster.url}/api/sessions/current`, { method: 'DELETE', headers: bearer(token) });
  assert.equal(await asOurs('/api/me', bearer(token)), 401, 'replayed after the sign-out');
  assert.equal(await asOurs('/api/me', bearer(again.token)), 200, 'the other one goes on');
});

test('a key that ended, or is used from elsewhere, is nobody', async () => {
  const { siteId } = muster;
  const actions = ['device.read', 'device.list'];
  const make = (more: object): Promise<ApiKeyCreated> =>
    muster.call<ApiKeyCreated>('POST', '/api/api-keys', { siteId, name: `K ${randomUUID()}`, actions, ...more });
  const path = `/api/devices/${device.device.deviceId}`;
  const elsewhere = await make({ addresses: ['192.0.2.0/24'] });
  assert.equal(await asOurs(path, bearer(elsewhere.secret)), 401);
  const ended = await make({});
  assert.equal(await asOurs(path, bearer(ended.secret)), 200);
  await muster.sql('UPDATE api_keys SET expires_at = 1 WHERE key_id = $1', [ended.key.keyId]);
  assert.equal(await asOurs(path, bearer(ended.secret)), 401);
  const other = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Elsewhere' });
  const foreign = await make({ siteId: other.siteId });
  assert.equal(await asOurs(path, bearer(foreign.secret)), 404, 'of another site: it is not there');
});
