import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiKeyCreated, ApiKeyList } from '@muster/contract';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { startTestServer } from '../../testing.ts';
import type { Actor } from '../permissions.ts';
import { createApiKeys } from './api-keys.ts';

const SITE = '019a0000-0000-7000-8000-0000000000aa';
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let now = 1_800_000_000_000;
const clock = { now: () => now, monotonic: () => now, after: () => () => undefined };
const bus = createInProcessBus(createLogger('silent'));

before(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'Here', 'lab', 'en', 'UTC', 0)`,
    [SITE],
  );
  await database.pool.query(
    "INSERT INTO users (user_id, email, email_key, name, password_hash, created_at) VALUES ($1, 'o@example.com', 'o@example.com', 'O', '', 0)",
    [SITE],
  );
});
after(() => database.stop());

const keys = () => createApiKeys({ db: database.for(), clock, bus });
const OWNER: Actor = {
  kind: 'user',
  userId: SITE,
  administrator: false,
  support: false,
  roles: new Map([[SITE, 'owner']]),
  provedAt: now,
  lacksFactor: false,
};
const wanted = { siteId: SITE, name: 'Wall', maySubscribe: ['devices/+/telemetry'] };

test('a key is known by its secret until it is too old or deleted', async () => {
  const { key, secret } = await keys().create({ ...wanted, days: 1 }, OWNER);
  assert.equal((await keys().authenticate(secret, '127.0.0.1'))?.keyId, key.keyId);
  assert.equal((await keys().get(key.keyId)).lastUsedAt, now);
  assert.equal(await keys().authenticate(`${secret}x`, '127.0.0.1'), null);
  now += 86_400_000;
  assert.equal(await keys().authenticate(secret, '127.0.0.1'), null);

  const second = await keys().create(wanted, OWNER);
  let removed = '';
  bus.subscribe('apiKey.removed', ({ keyId }) => {
    removed = keyId;
  });
  await keys().remove(second.key.keyId);
  assert.equal(removed, second.key.keyId);
  assert.equal(await keys().authenticate(second.secret, '127.0.0.1'), null);
});

test('the secret itself is not in the database', async () => {
  const { secret } = await keys().create(wanted, OWNER);
  const { rows } = await database.pool.query<{ text: string }>('SELECT api_keys::text AS text FROM api_keys');
  assert.ok(rows.length > 0 && rows.every(({ text }) => !text.includes(secret)));
});

test('a key without a topic, or with what is no filter, is refused', async () => {
  for (const maySubscribe of [[], ['devices/#/x'], ['devices/a+/x'], ['devices/a\u0000']]) {
    await assert.rejects(keys().create({ ...wanted, maySubscribe }, OWNER), { code: 'REQUEST_INVALID' });
  }
});

test('a key is made for what its maker may do, and only for what a key can have', async () => {
  const create = (actions: string[], maker: Actor = OWNER, siteId: string | null = SITE) =>
    keys().create({ siteId, name: 'Reports', actions }, maker);
  const operator: Actor = { ...OWNER, roles: new Map([[SITE, 'operator']]) };
  assert.deepEqual((await create(['telemetry.read', 'device.read', 'device.read'])).key.actions, [
    'device.read',
    'telemetry.read',
  ]);
  for (const action of ['member.change', 'apiKey.change', 'user.read', 'device.fly', '__proto__', 'toString']) {
    await assert.rejects(create([action]), { code: 'REQUEST_INVALID' }, action);
  }
  await assert.rejects(create(['server.metrics']), { code: 'REQUEST_INVALID' });
  await assert.rejects(create(['notifier.change'], operator), { code: 'FORBIDDEN' });
  await assert.rejects(create(['device.read'], OWNER, null), { code: 'FORBIDDEN' });
  await assert.rejects(create(['telemetry.export'], { ...OWNER, provedAt: 0 }), { code: 'STEP_UP_REQUIRED' });
});

test('a key is used from where it may be', async () => {
  const { key, secret } = await keys().create({ ...wanted, addresses: ['10.1.0.0/16', '2001:db8::7'] }, OWNER);
  for (const [address, isRight] of [
    ['10.1.255.3', true],
    ['::ffff:10.1.0.1', true],
    ['2001:db8::7', true],
    ['10.2.0.1', false],
    ['2001:db8::8', false],
    ['', false],
    ['nonsense', false],
  ] as const) {
    assert.equal((await keys().authenticate(secret, address))?.keyId, isRight ? key.keyId : undefined, address);
  }
  assert.equal((await keys().get(key.keyId)).lastUsedFrom, '10.1.255.3');
  for (const network of ['10.0.0.0/33', '10.0.0.0/8/8', 'home', '10.0.0', '10.0.0.0/-1', '::/129']) {
    await assert.rejects(
      keys().create({ ...wanted, addresses: [network] }, OWNER),
      { code: 'REQUEST_INVALID' },
      network,
    );
  }
});

test('over the API: the secret is shown once, and other sites have no keys here', async (t) => {
  const running = await startTestServer({ flags: ['--mqtt.port=0'] });
  t.after(() => running.stop());
  const path = `/api/api-keys?siteId=${running.siteId}`;
  const body = { siteId: running.siteId, name: 'Wall', mayPublish: ['devices/+/app/#'] };
  const { key, secret } = await running.call<ApiKeyCreated>('POST', '/api/api-keys', body);
  const list = await running.call<ApiKeyList>('GET', path);
  assert.deepEqual(list.keys, [key]);
  assert.ok(!JSON.stringify(list).includes(secret));
  await assert.rejects(running.call('POST', '/api/api-keys', { ...body, mayPublish: ['homes/#'] }), {
    code: 'REQUEST_INVALID',
  });
  await running.call('DELETE', `/api/api-keys/${key.keyId}`);
  assert.deepEqual((await running.call<ApiKeyList>('GET', path)).keys, []);
  await assert.rejects(running.call('DELETE', `/api/api-keys/${key.keyId}`), { code: 'NOT_FOUND' });
});

test('over the API: a program does what its key was made for, at its own site', async (t) => {
  const running = await startTestServer();
  t.after(() => running.stop());
  const { siteId } = running;
  const other = await running.call<{ siteId: string }>('POST', '/api/sites', { name: 'Other' });
  const made = (body: object): Promise<ApiKeyCreated> =>
    running.call('POST', '/api/api-keys', { siteId, name: 'Program', ...body });
  const ask = async (secret: string, path: string, init: RequestInit = {}): Promise<number> =>
    (await fetch(running.url + path, { ...init, headers: { authorization: `Bearer ${secret}` } })).status;

  const reader = await made({ actions: ['device.list', 'device.read', 'group.read'] });
  assert.equal(await ask(reader.secret, '/api/devices'), 200);
  assert.equal(await ask(reader.secret, '/api/groups'), 200);
  assert.equal(await ask(reader.secret, `/api/sites/${siteId}`), 403);
  assert.equal(await ask(reader.secret, '/api/me'), 403);
  assert.equal(await ask(reader.secret, '/metrics'), 403);
  assert.equal(await ask(reader.secret, `/api/api-keys/${reader.key.keyId}`, { method: 'DELETE' }), 403);

  const sites = await made({ actions: ['site.read', 'site.list'] });
  assert.equal(await ask(sites.secret, `/api/sites/${siteId}`), 200);
  assert.equal(await ask(sites.secret, `/api/sites/${other.siteId}`), 404);

  const prometheus = await made({ siteId: null, actions: ['server.metrics'] });
  assert.equal(await ask(prometheus.secret, '/metrics'), 200);
  assert.equal(await ask(prometheus.secret, '/api/devices'), 403);
  assert.equal((await fetch(`${running.url}/metrics`)).status, 401);

  const away = await made({ actions: ['device.list'], addresses: ['192.0.2.1'] });
  assert.equal(await ask(away.secret, '/api/devices'), 401);
  await running.call('DELETE', `/api/api-keys/${reader.key.keyId}`);
  assert.equal(await ask(reader.secret, '/api/devices'), 401);
});
