import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect, startServers, type TestServers, until } from './two-servers.fixture.ts';

let all: TestServers;
let a: TestServers['servers'][number];
let b: TestServers['servers'][number];
before(async () => {
  all = await startServers(2);
  const [first, second] = all.servers;
  assert.ok(first !== undefined && second !== undefined);
  [a, b] = [first, second];
});
after(async () => {
  for (const { devices } of all.servers) await devices.stop();
  await all.database.stop();
});

const make = async (name: string) => (await a.devices.create({ name, siteId: all.siteId })).device;
const shownBy = async (server: typeof a, deviceId: string) => (await server.devices.get(deviceId)).connected;
const seenBy = (server: typeof a, deviceId: string, connected: boolean) =>
  until(`connected is ${connected}`, async () => (await shownBy(server, deviceId)) === connected);
/** As if the server had been killed so long ago. */
const silence = (ms: number) =>
  all.database.pool.query(
    'UPDATE servers SET seen_at = seen_at - $1 WHERE server_id IN (SELECT server_id FROM device_presence)',
    [ms],
  );

test('a device at one server is connected for the other, and gone when it goes', async () => {
  const device = await make('Here');
  const link = connect(a, device);
  assert.equal(await shownBy(a, device.deviceId), true);
  await seenBy(b, device.deviceId, true);
  assert.deepEqual(
    (await b.devices.list({ sites: null, connected: true, limit: 10 })).map(({ deviceId }) => deviceId),
    [device.deviceId],
  );
  const seenAt = (await b.devices.get(device.deviceId)).lastSeenAt;
  assert.ok(seenAt !== null);
  link.end();
  assert.equal(await shownBy(a, device.deviceId), false);
  await seenBy(b, device.deviceId, false);
});

test('the newest connection counts: the server that had the device closes the older one', async () => {
  const device = await make('Moves');
  const old = connect(a, device);
  await seenBy(b, device.deviceId, true);
  const fresh = connect(b, device);
  await until(
    'the row is of b',
    async () => (await shownBy(a, device.deviceId)) && (await heldBy(device.deviceId)) === 'b',
  );
  a.clock.run(100);
  await until('the older one is closed', () => old.told.length > 0);
  assert.deepEqual(old.told, ['SESSION_REPLACED']);
  // its end takes nothing from the newer one
  await until('stored', async () => (await shownBy(a, device.deviceId)) === true);
  b.clock.run(100);
  assert.deepEqual(fresh.told, []);
  assert.equal(await shownBy(b, device.deviceId), true);
  fresh.end();
  await seenBy(a, device.deviceId, false);
});

test('the same without a word on the bus: the round finds it', async () => {
  const device = await make('Unheard');
  all.cut(true);
  const old = connect(a, device);
  await until('the row is of a', async () => (await heldBy(device.deviceId)) === 'a');
  const fresh = connect(b, device);
  await until('the row is of b', async () => (await heldBy(device.deviceId)) === 'b');
  all.cut(false);
  for (let beat = 0; beat < 30 && old.told.length === 0; beat++) {
    a.clock.run(2_000);
    await settled(a);
  }
  assert.deepEqual(old.told, ['SESSION_REPLACED']);
  fresh.end();
  await seenBy(b, device.deviceId, false);
});

test('a server that falls silent: what it held is void after six seconds, told once, and free to connect elsewhere', async () => {
  const [device, other] = [await make('Orphan'), await make('Comes back')];
  const gone: string[] = [];
  const stop = b.bus.subscribe('device.disconnected', ({ deviceId }) => void gone.push(deviceId));
  all.cut(true);
  connect(a, device);
  connect(a, other);
  await seenBy(b, device.deviceId, true);
  await seenBy(b, other.deviceId, true);
  await silence(5_000);
  assert.equal(await shownBy(b, device.deviceId), true);
  await silence(2_000);
  assert.equal(await shownBy(b, device.deviceId), false);
  // one of them finds the living server before that buries the other
  connect(b, other);
  await until('the row is of b', async () => (await heldBy(other.deviceId)) === 'b');
  b.clock.run(2_000);
  await until('buried', () => gone.length > 0);
  assert.deepEqual(gone, [device.deviceId]);
  assert.equal(await shownBy(b, other.deviceId), true);
  stop();
  all.cut(false);
});

test('a device keeps its connection or it does not: by the wires that it opened last', async () => {
  const device = await make('Both wires');
  const keeps = async () => (await b.devices.get(device.deviceId)).keepsConnection;
  const becomes = (wanted: boolean) => until(`keeps is ${wanted}`, async () => (await keeps()) === wanted);
  const told: boolean[] = [];
  const stop = b.bus.subscribe('device.disconnected', ({ deviceId, expected }) => {
    if (deviceId === device.deviceId) told.push(expected);
  });
  assert.equal(await keeps(), null);
  // so short that it is over before anything was written
  connect(a, device, { staysOpen: false }).end();
  await becomes(false);
  const mqtt = connect(a, device);
  await becomes(true);
  // a poll beside it says nothing, also when it ends last
  const poll = connect(a, device, { staysOpen: false });
  mqtt.end();
  poll.end();
  await seenBy(b, device.deviceId, false);
  assert.equal(await keeps(), true);
  connect(a, device, { staysOpen: false }).end();
  await becomes(false);
  assert.deepEqual(told, [true, false, true]);
  stop();
});

test('a device that is heard without a connection is seen, once a minute, and lives without one', async () => {
  const [away, held] = [await make('Lost its wire'), await make('Has both')];
  const told: unknown[] = [];
  const stop = b.bus.subscribe('device.disconnected', (event) => void told.push(event));
  connect(a, away).end();
  const link = connect(b, held);
  await until('away', async () => (await b.devices.get(away.deviceId)).keepsConnection === true);
  await seenBy(a, away.deviceId, false);
  await seenBy(a, held.deviceId, true);
  told.length = 0;
  a.clock.run(1_000);
  for (let times = 0; times < 100; times++) for (const { deviceId } of [away, held]) a.devices.heard(deviceId);
  await until('told', () => told.length > 0);
  assert.deepEqual(told, [{ deviceId: away.deviceId, siteId: all.siteId, expected: true }]);
  assert.equal((await b.devices.get(away.deviceId)).keepsConnection, false);
  assert.equal((await b.devices.get(held.deviceId)).keepsConnection, true, 'another server holds its connection');
  const seen = async () => (await b.devices.get(away.deviceId)).lastSeenAt ?? 0;
  const first = await seen();
  a.clock.run(30_000);
  a.devices.heard(away.deviceId);
  const other = await make('Written after it');
  a.devices.heard(other.deviceId);
  await until('the next batch', async () => (await b.devices.get(other.deviceId)).lastSeenAt !== null);
  assert.equal(await seen(), first, 'half a minute later');
  a.clock.run(31_000);
  a.devices.heard(away.deviceId);
  await until('a minute later', async () => (await seen()) >= first + 60_000);
  link.end();
  stop();
});

test('of what a dead server held, those that keep a connection are missed', async () => {
  const [keeper, talker] = [await make('Keeps'), await make('Talks')];
  const gone = new Map<string, boolean>();
  const stop = b.bus.subscribe('device.disconnected', ({ deviceId, expected }) => void gone.set(deviceId, expected));
  all.cut(true);
  connect(a, keeper);
  connect(a, talker, { staysOpen: false });
  await seenBy(b, keeper.deviceId, true);
  await seenBy(b, talker.deviceId, true);
  const known = async (deviceId: string) => (await b.devices.get(deviceId)).keepsConnection !== null;
  await until('written', async () => (await known(keeper.deviceId)) && (await known(talker.deviceId)));
  await silence(7_000);
  b.clock.run(2_000);
  await until('buried', () => gone.size >= 2);
  assert.deepEqual([gone.get(keeper.deviceId), gone.get(talker.deviceId)], [false, true]);
  stop();
  all.cut(false);
});

test('five thousand devices at once: stored in batches, and all of them', async () => {
  const { rows } = await all.database.pool.query<{ device_id: string }>(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, simulated, proof, state, created_at)
     SELECT gen_random_uuid(), $1, 'n' || n, 'many-' || n, '', true, 'none', 'active', 0 FROM generate_series(1, 5000) AS n
     RETURNING device_id`,
    [all.siteId],
  );
  const before = await statements();
  const links = rows.map((row) => connect(b, { deviceId: row.device_id, siteId: all.siteId }));
  const count = async (): Promise<number> => {
    const found = await all.database.pool.query<{ n: number }>(
      `SELECT count(*)::int AS n FROM device_presence JOIN devices USING (device_id) WHERE hardware_id LIKE 'many-%' AND last_seen_at > 0`,
    );
    return found.rows[0]?.n ?? 0;
  };
  await until('all are there', async () => (await count()) === 5_000);
  assert.ok((await statements()) - before < 500, 'written in batches');
  for (const link of links) link.end();
  await until('all are gone', async () => (await count()) === 0);
});

async function heldBy(deviceId: string): Promise<'a' | 'b' | null> {
  const { rows } = await all.database.pool.query<{ server_id: string; first: boolean }>(
    `SELECT server_id, server_id = (SELECT min(server_id::text)::uuid FROM servers) AS first
     FROM device_presence WHERE device_id = $1`,
    [deviceId],
  );
  // ids grow with time: the first server has the smaller one
  return rows[0] === undefined ? null : rows[0].first ? 'a' : 'b';
}

/** Transactions of the database so far. */
async function statements(): Promise<number> {
  await all.database.pool.query('SELECT pg_stat_force_next_flush()');
  const { rows } = await all.database.pool.query<{ n: number }>(
    'SELECT (xact_commit + xact_rollback)::int AS n FROM pg_stat_database WHERE datname = current_database()',
  );
  return rows[0]?.n ?? Number.NaN;
}

/** Waits until the beat that was begun is through: the next is planned after it. */
async function settled(server: typeof a): Promise<void> {
  await until('the beat is over', () => server.clock.waiting() > 0);
}
