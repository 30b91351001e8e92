import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createVirtualClock } from '@muster/testkit';
import fc from 'fast-check';
import type { Source } from './points.ts';
import { LEVEL_MS } from './rollups.ts';
import type { RollupLevel } from './tables.ts';
import { startTelemetry } from './telemetry.fixture.ts';
import type { Telemetry } from './telemetry.ts';

const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 86_400_000;
/** 22:00 UTC: the days that the tests let pass have their midnight near. */
const clock = createVirtualClock(Date.UTC(2026, 10, 21, 22));

let world: Awaited<ReturnType<typeof startTelemetry>>;
let telemetry: Telemetry;
let nth = 0;

before(async () => {
  // every message is a batch: nothing waits for a clock that stands still
  world = await startTelemetry(60, { batchPoints: 1 }, { clock });
  telemetry = await world.make();
});
after(async () => {
  await telemetry.stop();
  await world.database.stop();
});

function device(): Source {
  const source = world.sources[nth++];
  assert.ok(source);
  return source;
}

interface Rollup {
  readonly at: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly count: number;
  readonly last: number;
  readonly last_at: number;
}

async function rollups(level: RollupLevel, { deviceId }: Source, name = 'x'): Promise<Rollup[]> {
  const { rows } = await world.database.pool.query<Rollup>(
    `SELECT at, min, max, sum, count, last, last_at FROM rollup_${level}_90 JOIN series USING (series_id)
     WHERE device_id = $1 AND name = $2 ORDER BY at`,
    [deviceId, name],
  );
  return rows;
}

interface Sent {
  readonly at: number;
  readonly seq: number;
  readonly value: number;
}

/** What the roll-ups must be, worked out from what was sent: of one instant and number the later value counts. */
function bruteForce(sent: readonly Sent[], level: RollupLevel, upTo: number): Rollup[] {
  const points = new Map(sent.map((one) => [`${one.at} ${one.seq}`, one]));
  const buckets = new Map<number, Sent[]>();
  for (const one of points.values()) {
    const at = one.at - (one.at % LEVEL_MS[level]);
    if (at + LEVEL_MS[level] <= upTo) buckets.set(at, [...(buckets.get(at) ?? []), one]);
  }
  return [...buckets]
    .map(([at, members]) => {
      const inOrder = members.sort((a, b) => a.at - b.at || a.seq - b.seq);
      const values = inOrder.map(({ value }) => value);
      return {
        at,
        min: Math.min(...values),
        max: Math.max(...values),
        sum: values.reduce((sum, value) => sum + value, 0),
        count: values.length,
        last: values.at(-1) ?? Number.NaN,
        last_at: inOrder.at(-1)?.at ?? Number.NaN,
      };
    })
    .sort((a, b) => a.at - b.at);
}

/** Next day, 22:00. */
function nextEvening(): void {
  clock.setNow((Math.floor(clock.now() / DAY) + 1) * DAY + 22 * HOUR);
}

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      // back to three hours and ahead to five minutes; often the same instants
      points: fc.array(
        fc.record({ back: fc.integer({ min: -300, max: 10_800 }), value: fc.integer({ min: -99, max: 99 }) }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      numbered: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), minutes: fc.integer({ min: 1, max: 50 }) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('roll up' as const) }) },
);

test('roll-ups are what the points are, in whatever order points, time and roll-ups come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
      nextEvening();
      const source = device();
      const sent: Sent[] = [];
      let seq = 0;
      for (const one of steps) {
        if (one.do === 'wait') await clock.advance(one.minutes * MINUTE);
        else if (one.do === 'roll up') await telemetry.maintain();
        else {
          seq += 1;
          const number = one.numbered ? seq : 0;
          const points = one.points.map(({ back, value }) => ({ at: clock.now() - back * 1_000, value }));
          sent.push(...points.map(({ at, value }) => ({ at, seq: number, value })));
          await telemetry.ingest(source, {
            ...(one.numbered ? { seq } : {}),
            points: points.map(({ at, value }) => ({ at, values: { x: value } })),
          });
        }
      }
      // past midnight, so that the day is over too
      await clock.advance(16 * HOUR);
      await telemetry.maintain();
      const upTo = clock.now() - 90_000;
      for (const level of ['1m', '1h', '1d'] as const) {
        assert.deepEqual(await rollups(level, source), bruteForce(sent, level, upTo), level);
      }
    }),
    { numRuns: 25 },
  );
});

test('a late point changes its minute, its hour and its day; others stay', async () => {
  nextEvening();
  const source = device();
  const at = clock.now() - 30 * HOUR;
  const send = (when: number, x: number) => telemetry.ingest(source, { at: when, values: { x } });
  await send(at, 10);
  await send(at + 2 * HOUR, 20);
  await telemetry.maintain();
  await send(at + 1, 30);
  await send(at - 40 * DAY, 5);
  await telemetry.maintain();
  const [old, first, second] = await rollups('1h', source);
  assert.deepEqual([old?.count, first?.count, first?.sum, first?.last, second?.count], [1, 2, 40, 30, 1]);
  const days = await rollups('1d', source);
  assert.equal(
    days.reduce((sum, { count }) => sum + count, 0),
    4,
  );
});

test('a late point that is under way while its minute is made again is not forgotten', async () => {
  nextEvening();
  const { pool } = world.database;
  const source = device();
  const at = clock.now() - 2 * HOUR;
  await telemetry.ingest(source, { at, values: { x: 1 } });
  await telemetry.maintain();
  await telemetry.ingest(source, { at: at + 1, values: { x: 2 } });
  // the mark of the minute is there now; the next writer stands still before its commit
  const gate = await pool.connect();
  try {
    await gate.query('SELECT pg_advisory_lock(4242)');
    await gate.query(`CREATE FUNCTION wait_4242() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN PERFORM pg_advisory_xact_lock(4242); RETURN NULL; END $$`);
    await gate.query(`CREATE CONSTRAINT TRIGGER gate AFTER INSERT ON points_90_p${Math.floor(at / DAY)}
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait_4242()`);
    const third = telemetry.ingest(source, { at: at + 2, values: { x: 3 } });
    for (let waits = 0; waits === 0; ) {
      const { rows } = await gate.query<{ waits: number }>(
        "SELECT count(*) AS waits FROM pg_locks WHERE locktype = 'advisory' AND NOT granted",
      );
      waits = rows[0]?.waits ?? 0;
    }
    await telemetry.maintain();
    await gate.query('SELECT pg_advisory_unlock(4242)');
    await third;
  } finally {
    await gate.query('SELECT pg_advisory_unlock_all()');
    await gate.query('DROP FUNCTION IF EXISTS wait_4242 CASCADE');
    gate.release();
  }
  await telemetry.maintain();
  const [minute] = await rollups('1m', source);
  assert.deepEqual([minute?.count, minute?.sum, minute?.last], [3, 6, 3]);
});

test('a batch that waited for the database while its minute was rolled up is not forgotten', async () => {
  nextEvening();
  const source = device();
  const at = clock.now();
  await telemetry.ingest(source, { seq: 1, at, values: { x: 1 } });
  const lock = await world.database.pool.connect();
  let waited: Promise<void> = Promise.resolve();
  try {
    await lock.query('BEGIN; LOCK TABLE streams IN ACCESS EXCLUSIVE MODE');
    waited = telemetry.ingest(source, { seq: 2, at: at + 1, values: { x: 2 } });
    for (let waits = 0; waits === 0; ) {
      const { rows } = await lock.query<{ waits: number }>('SELECT count(*) AS waits FROM pg_locks WHERE NOT granted');
      waits = rows[0]?.waits ?? 0;
    }
    await clock.advance(5 * MINUTE);
    await telemetry.maintain();
  } finally {
    await lock.query('ROLLBACK');
    lock.release();
  }
  await waited;
  await telemetry.maintain();
  const [minute] = await rollups('1m', source);
  assert.deepEqual([minute?.count, minute?.sum], [2, 3]);
});

test('texts, objects and positions are not rolled up; booleans are, as 0 and 1', async () => {
  nextEvening();
  const source = device();
  const at = clock.now() - HOUR;
  await telemetry.ingest(source, { at, values: { text: 'a', where: { latitude: 1, longitude: 1 }, on: true } });
  await telemetry.ingest(source, { at: at + 1_000, values: { on: false } });
  await telemetry.maintain();
  assert.deepEqual(await rollups('1m', source, 'text'), []);
  const [on] = await rollups('1m', source, 'on');
  assert.deepEqual([on?.min, on?.max, on?.sum, on?.count, on?.last], [0, 1, 1, 2, 0]);
});

test('few points come as they are; many come as buckets of the level that fits, and gaps are null', async () => {
  nextEvening();
  const source = device();
  const from = clock.now() - 6 * HOUR;
  const points = Array.from({ length: 300 }, (_, one) => ({ at: from + one * 30_000, values: { x: one } }));
  await telemetry.ingest(source, { points });
  await telemetry.ingest(source, { at: from + 5 * HOUR, values: { x: 1_000 } });
  const ask = async (count: number, to = clock.now()) => {
    const [data] = await telemetry.query({ deviceId: source.deviceId, series: ['x'], from, to, points: count });
    assert.ok(data);
    return data;
  };
  const raw = await ask(301);
  assert.deepEqual([raw.resolution, raw.bucketMs, raw.points?.length, raw.buckets], ['raw', null, 301, null]);
  // before and after the roll-ups are made the answer is the same: what is missing is read from the points
  for (const made of [false, true]) {
    if (made) await telemetry.maintain();
    for (const [count, resolution, bucketMs] of [
      [36, '1m', 10 * MINUTE],
      [6, '1h', HOUR],
      [120, '1m', 3 * MINUTE],
    ] as const) {
      const data = await ask(count);
      assert.deepEqual([data.resolution, data.bucketMs, data.points], [resolution, bucketMs, null]);
      assert.ok(data.buckets !== null && data.buckets.length <= count + 1);
      const total = data.buckets.reduce((sum, bucket) => sum + bucket.count, 0);
      assert.equal(total, 301, 'no point is lost or counted twice');
      for (const [index, { at, count: inside, avg, min, max, last }] of data.buckets.entries()) {
        assert.equal(at, (data.buckets[0]?.at ?? 0) + index * bucketMs);
        const members = [...points.map((point) => [point.at, point.values.x]), [from + 5 * HOUR, 1_000]]
          .filter(([when = 0]) => when >= at && when < at + bucketMs)
          .map(([, value = 0]) => value);
        assert.equal(inside, members.length);
        const expected =
          members.length === 0
            ? [null, null, null, null]
            : [
                members.reduce((sum, value) => sum + value, 0) / members.length,
                Math.min(...members),
                Math.max(...members),
                members.at(-1),
              ];
        assert.deepEqual([avg, min, max, last], expected);
      }
    }
  }
  const seconds = await ask(100, from + 5 * HOUR);
  assert.equal(seconds.resolution, '1m');
  const close = await telemetry.query({
    deviceId: source.deviceId,
    series: ['x'],
    from,
    to: from + 10 * MINUTE,
    points: 15,
  });
  assert.deepEqual([close[0]?.resolution, close[0]?.bucketMs], ['raw', 40_000], 'finer than a minute: from the points');
});

test('of texts that are too many the newest are given', async () => {
  nextEvening();
  const source = device();
  const from = clock.now() - HOUR;
  for (let one = 0; one < 5; one++) await telemetry.ingest(source, { at: from + one, values: { mode: `m${one}` } });
  const [data] = await telemetry.query({
    deviceId: source.deviceId,
    series: ['mode'],
    from,
    to: clock.now(),
    points: 2,
  });
  assert.deepEqual(
    data?.points?.map(({ value }) => value),
    ['m3', 'm4'],
  );
});
