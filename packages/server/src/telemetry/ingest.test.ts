import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { LIMITS, MusterError } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { migrate, openDatabase, startEmbeddedPostgres } from '../platform/db/index.ts';
import { createLogger } from '../platform/log.ts';
import type { Source } from './points.ts';
import { startTelemetry } from './telemetry.fixture.ts';
import type { Telemetry } from './telemetry.ts';

let world: Awaited<ReturnType<typeof startTelemetry>>;
let telemetry: Telemetry;
let nth = 0;

before(async () => {
  world = await startTelemetry(40);
  telemetry = await world.make();
});
after(async () => {
  await telemetry.stop();
  await world.database.stop();
});

/** A device that no other test uses. */
function device(): Source {
  const source = world.sources[nth++];
  assert.ok(source);
  return source;
}

const code = (expected: string) => (error: unknown) => error instanceof MusterError && error.code === expected;
const rows = async <T extends object>(text: string, values: unknown[] = []): Promise<T[]> =>
  (await world.database.pool.query<T>(text, values)).rows;
const stored = ({ deviceId }: Source) =>
  rows<{ name: string; at: number; seq: number; num: number | null }>(
    'SELECT name, at, seq, num FROM points_90 JOIN series USING (series_id) WHERE device_id = $1 ORDER BY name, at, seq',
    [deviceId],
  );
const latest = async ({ deviceId }: Source, from = telemetry) =>
  Object.fromEntries((await from.latest(deviceId)).map(({ series, value }) => [series, value]));

test('every kind of value comes back as it was sent, with the unit of the profile and both times', async () => {
  const units = { temperature: { kind: 'number', unit: 'Cel' } } as const;
  const own = await world.make({ unitsOf: async () => units });
  const source = device();
  const at = Date.now() - 5_000;
  const values = {
    temperature: -21.5,
    on: false,
    mode: 'eco "quoted" \\ ünï',
    state: { nested: { list: [1, null, 'x'] } },
    where: { latitude: 48.2, longitude: 16.4, altitude: 171 },
  };
  const begun = Date.now();
  await own.ingest(source, { at, values });
  const found = await own.latest(source.deviceId);
  assert.deepEqual(Object.fromEntries(found.map(({ series, value }) => [series, value])), values);
  assert.deepEqual(
    found.map(({ series, kind, unit }) => [series, kind, unit]),
    [
      ['mode', 'string', null],
      ['on', 'boolean', null],
      ['state', 'object', null],
      ['temperature', 'number', 'Cel'],
      ['where', 'position', null],
    ],
  );
  for (const one of found) {
    assert.equal(one.at, at, 'the time of the device is not altered');
    assert.ok(one.receivedAt >= begun && one.receivedAt <= Date.now());
  }
  const span = { deviceId: source.deviceId, from: at, to: at + 1, points: 10 };
  for (const one of await own.query({ ...span, series: Object.keys(values) })) {
    assert.deepEqual(one.points, [{ at, value: values[one.series as keyof typeof values] }]);
  }
  await own.stop();
});

test('a point without a time was measured when it came; points of a message may have times of their own', async () => {
  const source = device();
  const begun = Date.now();
  await telemetry.ingest(source, {
    at: begun - 1_000,
    values: { x: 1 },
    points: [{ at: begun - 2_000, values: { x: 2 } }, { values: { x: 3, y: 4 } }],
  });
  await telemetry.ingest(source, { values: { z: 1 } });
  const found = await stored(source);
  assert.deepEqual(
    found.slice(0, 3).map(({ name, at, num }) => [name, at - begun, num]),
    // of one instant in one message the later value counts
    [
      ['x', -2_000, 2],
      ['x', -1_000, 3],
      ['y', -1_000, 4],
    ],
  );
  const last = found.at(-1);
  assert.ok(last?.name === 'z' && last.at >= begun && last.at <= Date.now());
});

test('a number of a stream is stored once: again, in one batch, side by side in two servers, and after a restart', async () => {
  const source = device();
  const other = await world.make();
  const message = (seq: number, value: number) => ({ seq, values: { x: value } });
  await telemetry.ingest(source, message(1, 1));
  await telemetry.ingest(source, message(1, 2));
  await Promise.all([2, 2, 2].map((seq) => telemetry.ingest(source, message(seq, 3))));
  const both = [telemetry, other, telemetry, other];
  await Promise.all(both.map((server) => server.ingest(source, message(3, 4))));
  await Promise.all(both.map((server) => server.ingestEvent(source, { stream: 'events', seq: 1, name: 'opened' })));
  await other.stop();
  const restarted = await world.make();
  await restarted.ingest(source, message(3, 5));
  await restarted.ingest(source, message(0, 6));
  await restarted.stop();
  assert.deepEqual((await stored(source)).map(({ seq, num }) => [seq, num]).sort(), [
    [0, 6],
    [1, 1],
    [2, 3],
    [3, 4],
  ]);
  assert.equal((await telemetry.events(source.deviceId, 10, null)).length, 1);
});

test('the first message of a stream, sent to two servers at once, is stored once each time', async () => {
  const servers = [await world.make(), await world.make()];
  for (let round = 0; round < 20; round++) {
    const source = world.sources[20 + (round % 20)] as Source;
    const stream = `s${round}`;
    await Promise.all(servers.map((server) => server.ingest(source, { stream, seq: 7, values: { [stream]: round } })));
    const found = (await stored(source)).filter(({ name }) => name === stream);
    assert.equal(found.length, 1, `round ${round}`);
  }
  for (const server of servers) await server.stop();
});

test('the same number in another stream is another message', async () => {
  const source = device();
  await telemetry.ingest(source, { stream: 'a', seq: 1, at: Date.now() - 10, values: { x: 1 } });
  await telemetry.ingest(source, { stream: 'b', seq: 1, at: Date.now() - 20, values: { x: 2 } });
  assert.equal((await stored(source)).length, 2);
});

test('numbers may come in any order, with gaps', async () => {
  const source = device();
  const order = [9, 3, 5, 4, 100, 7, 3, 9, 6];
  for (const seq of order) await telemetry.ingest(source, { seq, values: { x: seq } });
  assert.deepEqual(
    (await stored(source)).map(({ seq }) => seq).sort((a, b) => a - b),
    [3, 4, 5, 6, 7, 9, 100],
  );
});

test('the latest value is the newest by the time of the device, whatever came last', async () => {
  const source = device();
  const now = Date.now();
  await telemetry.ingest(source, { at: now, values: { x: 1 } });
  await telemetry.ingest(source, { at: now - 60_000, values: { x: 2 } });
  assert.deepEqual(await latest(source), { x: 1 });
  const points = [now + 2_000, now + 1_000].map((at) => ({ at, values: { x: at - now } }));
  await telemetry.ingest(source, { points });
  assert.deepEqual(await latest(source), { x: 2_000 });
});

test('times in the future and older than what the site keeps are refused, those at the edge are taken', async () => {
  const clock = createVirtualClock();
  const own = await world.make({ clock, config: { batchMs: 10, batchPoints: 1, queuePoints: 1_000 } });
  const source = device();
  const now = clock.now();
  const oldest = now - 90 * 86_400_000;
  for (const at of [now + LIMITS.futureMs, oldest]) await own.ingest(source, { at, values: { x: 1 } });
  for (const at of [now + LIMITS.futureMs + 1, oldest - 1, 1_000]) {
    await assert.rejects(own.ingest(source, { at, values: { x: 1 } }), code('TIME_IMPOSSIBLE'));
    await assert.rejects(own.ingestEvent(source, { at, name: 'opened' }), code('TIME_IMPOSSIBLE'));
    const points = [{ values: { x: 2 } }, { at, values: { x: 3 } }];
    await assert.rejects(own.ingest(source, { points }), code('TIME_IMPOSSIBLE'), 'taken whole or not at all');
  }
  assert.equal((await stored(source)).length, 2);
  await own.stop();
});

test('a series keeps its kind; what the profile says counts from the first point on', async () => {
  const own = await world.make({ unitsOf: async () => ({ level: { kind: 'number', unit: '%' } }) });
  const source = device();
  await assert.rejects(own.ingest(source, { values: { level: 'full' } }), code('SERIES_KIND'));
  await own.ingest(source, { values: { level: 1, free: true, any: { a: 1 } } });
  for (const values of [{ level: 'full' }, { free: 1 }, { level: 2, free: 'x' }, { any: 1 }]) {
    await assert.rejects(own.ingest(source, { values }), code('SERIES_KIND'));
  }
  const twoKinds = { points: [{ values: { fresh: 1 } }, { values: { fresh: 'x' } }] };
  await assert.rejects(own.ingest(source, twoKinds), code('SERIES_KIND'));
  assert.ok(!(await own.seriesOf(source.deviceId)).some(({ series }) => series === 'fresh'));
  // an object may happen to look like a position
  await own.ingest(source, { values: { any: { latitude: 1, longitude: 2 } } });
  assert.deepEqual(await latest(source, own), { any: { latitude: 1, longitude: 2 }, free: true, level: 1 });
  await own.stop();
});

test('a flood of series names stops at its limit, also when it comes side by side', async () => {
  const source = device();
  const flood = Array.from({ length: 12 }, (_, message) =>
    telemetry.ingest(source, {
      values: Object.fromEntries(Array.from({ length: 100 }, (_one, one) => [`m${message}.${one}`, 1])),
    }),
  );
  const results = await Promise.allSettled(flood);
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, LIMITS.seriesPerDevice / 100);
  for (const result of results) if (result.status === 'rejected') assert.ok(code('SERIES_LIMIT')(result.reason));
  assert.equal((await telemetry.seriesOf(source.deviceId)).length, LIMITS.seriesPerDevice);
  await telemetry.ingest(source, { values: { 'm0.1': 2 } });
});

test('a flood of stream names stops at its limit', async () => {
  const source = device();
  const send = (stream: string) => telemetry.ingest(source, { stream, seq: 1, values: { x: 1 } });
  for (let one = 0; one < LIMITS.streamsPerDevice; one++) await send(`s${one}`);
  await assert.rejects(send('more'), code('STREAM_LIMIT'));
  await assert.rejects(telemetry.ingestEvent(source, { stream: 'other', seq: 1, name: 'x' }), code('STREAM_LIMIT'));
  await send('s0');
});

test('text that PostgreSQL cannot hold and numbers that no sum survives are refused at the door', async () => {
  const source = device();
  const bad = ['a\0b', '\ud800', { text: 'x\0' }, { deep: [{ '\udfff': 1 }] }, 1e300, -1e300] as const;
  for (const x of bad) await assert.rejects(telemetry.ingest(source, { values: { x } }), code('MESSAGE_INVALID'));
  await assert.rejects(telemetry.ingestEvent(source, { name: 'x', data: { a: '\0' } }), code('MESSAGE_INVALID'));
  await telemetry.ingest(source, { values: { good: '\\u0000 \u{1f600}' } });
  assert.deepEqual(await latest(source), { good: '\\u0000 \u{1f600}' });
});

test('one row that cannot be stored fails its message alone', async () => {
  const own = await world.make({ config: { batchMs: 200, batchPoints: 5_000, queuePoints: 200_000 } });
  const [good, bad] = [device(), device()];
  for (const source of [good, bad]) await own.ingest(source, { seq: 1, values: { x: 0 } });
  await rows(`CREATE FUNCTION refuse_666() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.num = 666 THEN RAISE 'no such number' USING ERRCODE = '22003'; END IF; RETURN NEW; END $$`);
  await rows(`CREATE TRIGGER refuse BEFORE INSERT ON points_90 FOR EACH ROW EXECUTE FUNCTION refuse_666()`);
  const results = await Promise.allSettled(
    Array.from({ length: 40 }, (_, seq) =>
      own.ingest(seq === 17 ? bad : good, { seq: seq + 2, values: { x: seq === 17 ? 666 : seq } }),
    ),
  );
  await rows('DROP TRIGGER refuse ON points_90');
  assert.deepEqual(
    results.flatMap(({ status }, one) => (status === 'rejected' ? [one] : [])),
    [17],
  );
  const [refused] = results.filter((one) => one.status === 'rejected');
  assert.ok(refused?.status === 'rejected' && code('MESSAGE_INVALID')(refused.reason), 'to be sent again in no case');
  assert.equal((await stored(good)).length, 40);
  assert.equal((await stored(bad)).length, 1);
  await own.stop();
});

test('past its bound the queue refuses at once, and what was taken is stored', async () => {
  const own = await world.make({ config: { batchMs: 50, batchPoints: 100, queuePoints: 1_000 } });
  const source = device();
  await own.ingest(source, { values: { x: 0 } });
  const lock = await world.database.pool.connect();
  await lock.query('BEGIN; LOCK TABLE latest IN ACCESS EXCLUSIVE MODE');
  const sent = Array.from({ length: 1_200 }, (_, one) =>
    own.ingest(source, { at: Date.now() - one, values: { x: one } }),
  );
  const settled = Promise.allSettled(sent);
  await assert.rejects(own.ingest(source, { values: { x: 1 } }), code('QUEUE_FULL'));
  assert.equal(own.state().waiting, 1_000);
  await lock.query('COMMIT');
  lock.release();
  const results = await settled;
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1_000);
  assert.equal(own.state().waiting, 0);
  await own.ingest(source, { values: { x: 2 } });
  await own.stop();
});

test('a stop stores what is on its way and refuses what comes after', async () => {
  const own = await world.make({ config: { batchMs: 5_000, batchPoints: 5_000, queuePoints: 200_000 } });
  const source = device();
  const first = own.ingest(source, { seq: 1, values: { x: 1 } });
  // its series has to be made before it waits in the batch
  for (let until = Date.now() + 5_000; own.state().waiting === 0 && Date.now() < until; )
    await new Promise(setImmediate);
  await own.stop();
  await first;
  assert.equal((await stored(source)).length, 1);
  await assert.rejects(own.ingest(source, { seq: 2, values: { x: 1 } }), code('SERVER_STOPPING'));
});

test('without its database nothing is acknowledged; sent again when it is back it is stored once', async () => {
  const log = createLogger('silent');
  const directory = await mkdtemp(join(tmpdir(), 'muster-db-'));
  let postgres = await startEmbeddedPostgres(directory, log);
  const database = openDatabase(postgres.connectionString, 4, log);
  try {
    await migrate(database.pool, log);
    const away = await startTelemetry(1, {}, {}, { ...database, stop: () => database.close() });
    const own = await away.make();
    const [source] = away.sources;
    assert.ok(source);
    await own.ingest(source, { seq: 1, values: { x: 1 } });
    await postgres.stop();
    const refused = await own.ingest(source, { seq: 2, values: { x: 2 } }).catch((error: unknown) => error);
    assert.ok(refused instanceof MusterError && refused.retryable, String(refused));
    assert.equal(refused.code, 'DATABASE_UNAVAILABLE');
    assert.equal(own.state().failure, 'DATABASE_UNAVAILABLE');
    postgres = await startEmbeddedPostgres(directory, log);
    await own.ingest(source, { seq: 2, values: { x: 2 } });
    const { rows: found } = await database.pool.query('SELECT seq, num FROM points_90 ORDER BY seq');
    assert.deepEqual(found, [
      { seq: 1, num: 1 },
      { seq: 2, num: 2 },
    ]);
    assert.equal(own.state().failure, null);
    await own.stop();
  } finally {
    await database.close();
    await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  }
});
