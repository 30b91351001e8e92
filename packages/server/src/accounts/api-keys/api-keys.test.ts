import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiKeyCreated, ApiKeyList } from '@muster/contract';
import { createInProcessBus } from '../../platform/bus/index.ts';
import { createTestDatabase } from '../../platform/db/test-database.fixture.ts';
import { createLogger } from '../../platform/log.ts';
import { startTestServer } from '../../testing.ts';
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
});
after(() => database.stop());

const keys = () => createApiKeys({ db: database.for(), clock, bus });
const wanted = { siteId: SITE, name: 'Wall', maySubscribe: ['devices/+/telemetry'] };

test('a key is known by its secret until it is too old or deleted', async () => {
  const { key, secret } = await keys().create({ ...wanted, days: 1 }, null);
  assert.equal((await keys().authenticate(secret))?.keyId, key.keyId);
  assert.equal((await keys().get(key.keyId)).lastUsedAt, now);
  assert.equal(await keys().authenticate(`${secret}x`), null);
  now += 86_400_000;
  assert.equal(await keys().authenticate(secret), null);

  const second = await keys().create(wanted, null);
  let removed = '';
  bus.subscribe('apiKey.removed', ({ keyId }) => {
    removed = keyId;
  });
  await keys().remove(second.key.keyId);
  assert.equal(removed, second.key.keyId);
  assert.equal(await keys().authenticate(second.secret), null);
});

test('the secret itself is not in the database', async () => {
  const { secret } = await keys().create(wanted, null);
  const { rows } = await database.pool.query<{ text: string }>('SELECT api_keys::text AS text FROM api_keys');
  assert.ok(rows.length > 0 && rows.every(({ text }) => !text.includes(secret)));
});

test('a key without a topic, or with what is no filter, is refused', async () => {
  for (const maySubscribe of [[], ['devices/#/x'], ['devices/a+/x'], ['devices/a\u0000']]) {
    await assert.rejects(keys().create({ ...wanted, maySubscribe }, null), { code: 'REQUEST_INVALID' });
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
