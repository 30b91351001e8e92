import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import type { Source } from './points.ts';
import { SITE, startTelemetry } from './telemetry.fixture.ts';
import type { Telemetry } from './telemetry.ts';

const DAY = 86_400_000;
const clock = createVirtualClock(Date.UTC(2026, 10, 21, 12));
let world: Awaited<ReturnType<typeof startTelemetry>>;
let telemetry: Telemetry;

before(async () => {
  world = await startTelemetry(
    4,
    { batchPoints: 1 },
    {
      clock,
      keepDaysOf: async (siteId) => {
        const { rows } = await world.database.pool.query<{ days: number }>(
          'SELECT telemetry_keep_days AS days FROM sites WHERE site_id = $1',
          [siteId],
        );
        return rows[0]?.days ?? 90;
      },
    },
  );
  telemetry = await world.make();
});
after(async () => {
  await telemetry.stop();
  await world.database.stop();
});

function device(nth: number): Source {
  const source = world.sources[nth];
  assert.ok(source);
  return source;
}

async function keep(days: number): Promise<void> {
  await world.database.pool.query('UPDATE sites SET telemetry_keep_days = $1 WHERE site_id = $2', [days, SITE]);
  world.bus.publish('site.changed', { siteId: SITE });
}

async function partitions(table: string): Promise<number[]> {
  const { rows } = await world.database.pool.query<{ name: string }>(
    'SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = $1::regclass',
    [table],
  );
  return rows.map(({ name }) => Number(name.slice(name.lastIndexOf('_p') + 2))).sort((a, b) => a - b);
}

async function times({ deviceId }: Source): Promise<number[]> {
  const span = { deviceId, series: ['x'], from: 0, to: clock.now() + DAY, points: 10_000 };
  const [data] = await telemetry.query(span);
  return (data?.points ?? []).map(({ at }) => at);
}

test('what is out of date goes with its day; newer days and long roll-ups stay', async () => {
  await keep(7);
  const source = device(0);
  const now = clock.now();
  const kept = [now - 7 * DAY + 1_000, now - 6 * DAY, now];
  for (const at of kept) await telemetry.ingest(source, { at, values: { x: 1 } });
  await telemetry.maintain();
  assert.deepEqual(await times(source), kept);
  await clock.advance(2 * DAY);
  await telemetry.maintain();
  assert.deepEqual(await times(source), [now]);
  const today = Math.floor(clock.now() / DAY);
  const days = await partitions('points_7');
  assert.ok(
    days.every((day) => day >= today - 7),
    'days of the past are gone',
  );
  assert.ok(
    [today, today + 1, today + 2].every((day) => days.includes(day)),
    'the next days are made',
  );
  const { rows } = await world.database.pool.query('SELECT sum(count)::int AS count FROM rollup_1h_7');
  assert.equal(rows[0]?.count, 3, 'hours are kept for longer');
});

test('a site that keeps less than before loses what it no longer keeps; other sites do not', async () => {
  await keep(90);
  const [mine, other] = [device(1), device(2)];
  const elsewhere = '019a0000-0000-7000-8000-0000000000bb';
  await world.database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at, telemetry_keep_days)
     VALUES ($1, 'There', 'lab', 'en', 'UTC', 0, 90)`,
    [elsewhere],
  );
  await world.database.pool.query('UPDATE devices SET site_id = $1 WHERE device_id = $2', [elsewhere, other.deviceId]);
  const now = clock.now();
  const all = [60, 31, 29, 8, 6, 0].map((days) => now - days * DAY);
  for (const at of all) {
    await telemetry.ingest(mine, { at, values: { x: at } });
    await telemetry.ingest({ deviceId: other.deviceId, siteId: elsewhere }, { at, values: { x: at } });
    await telemetry.ingestEvent(mine, { at, name: 'opened' });
  }
  await telemetry.maintain();
  await keep(7);
  await telemetry.maintain();
  assert.deepEqual(await times(mine), all.slice(4));
  assert.deepEqual(await times(other), all);
  // from here on it writes to the tables of its new span, and reads from both
  await telemetry.ingest(mine, { at: now + 1, values: { x: 7 } });
  assert.deepEqual(await times(mine), [...all.slice(4), now + 1]);
  await assert.rejects(telemetry.ingest(mine, { at: now - 8 * DAY, values: { x: 1 } }), { code: 'TIME_IMPOSSIBLE' });
  const minutes = await world.database.pool.query(
    `SELECT count(*)::int AS count FROM rollup_1m_90 JOIN series USING (series_id) WHERE device_id = $1`,
    [mine.deviceId],
  );
  assert.equal(minutes.rows[0]?.count, 1, 'minutes go with their points');
});

test('events are kept as long as measurements', async () => {
  await keep(7);
  const source = device(3);
  await telemetry.ingestEvent(source, { name: 'old' });
  await clock.advance(8 * DAY);
  await telemetry.ingestEvent(source, { name: 'new' });
  await telemetry.maintain();
  const events = await telemetry.events(source.deviceId, 10, null);
  assert.deepEqual(
    events.map(({ name }) => name),
    ['new'],
  );
});
