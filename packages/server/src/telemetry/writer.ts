import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../platform/clock.ts';
import { inTransaction } from '../platform/db/index.ts';
import { DAY_MS, LATE_MS, MINUTE_MS } from './config.ts';
import type { Point } from './points.ts';
import { pointsTable, type Tables } from './tables.ts';

/** A message that waits to be stored. */
export interface Entry {
  readonly deviceId: string;
  readonly siteId: string;
  readonly keepDays: number;
  readonly stream: string;
  /** Null: the device counts nothing. */
  readonly seq: number | null;
  readonly receivedAt: number;
  readonly points: readonly Point[];
  /** Series of the points, in their order. */
  readonly seriesIds: readonly number[];
  /** Numbers of the points, in their order, when each has its own: of an import, which no stream counts. */
  readonly seqs?: readonly number[];
  readonly event: EventRow | null;
}

export interface EventRow {
  readonly eventId: string;
  readonly name: string;
  readonly level: 'info' | 'warning' | 'error';
  readonly data: unknown;
  readonly at: number;
}

/** Longest statement of a batch, ms: five of them and LATE_MS end before the minute is rolled up (ROLLUP_LAG_MS). */
const STATEMENT_MS = 8_000;

/**
 * Stores entries in one transaction and gives those that were new; the others were stored before. Everything or nothing
 * is stored.
 */
export async function writeBatch(
  pool: Pool,
  tables: Tables,
  clock: Clock,
  entries: readonly Entry[],
): Promise<readonly Entry[]> {
  await prepare(tables, entries);
  return inTransaction(
    pool,
    async (client) => {
      const fresh = await withoutSeen(client, entries);
      // by the time of this transaction, not by when they came: they may have waited for a slow disk
      await insertPoints(client, fresh, clock.now() - LATE_MS);
      await insertEvents(client, fresh);
      return fresh;
    },
    { statementMs: STATEMENT_MS },
  );
}

/** Tables and partitions, outside of the transaction: making one locks its parent. */
async function prepare(tables: Tables, entries: readonly Entry[]): Promise<void> {
  const days = new Map<number, Set<number>>();
  for (const { keepDays, points } of entries) {
    let set = days.get(keepDays);
    if (set === undefined) {
      set = new Set();
      days.set(keepDays, set);
    }
    for (const { at } of points) set.add(at - (at % DAY_MS));
  }
  for (const [keepDays, set] of days) {
    await tables.ensureClass(keepDays);
    await tables.ensureDays(keepDays, set);
  }
}

/** Entries whose number was not stored, each once; their numbers are stored with this transaction. */
async function withoutSeen(client: PoolClient, entries: readonly Entry[]): Promise<Entry[]> {
  const fresh: Entry[] = [];
  const byStream = new Map<string, { deviceId: string; stream: string; numbered: Map<number, Entry> }>();
  for (const entry of entries) {
    if (entry.seq === null) {
      fresh.push(entry);
      continue;
    }
    const key = `${entry.deviceId} ${entry.stream}`;
    let stream = byStream.get(key);
    if (stream === undefined) {
      stream = { deviceId: entry.deviceId, stream: entry.stream, numbered: new Map() };
      byStream.set(key, stream);
    }
    if (!stream.numbered.has(entry.seq)) stream.numbered.set(entry.seq, entry);
  }
  if (byStream.size === 0) return fresh;
  // one order for all servers, so that two batches never wait for each other
  const streams = [...byStream.values()].sort((a, b) => (a.deviceId + a.stream < b.deviceId + b.stream ? -1 : 1));
  const { rows } = await client.query<{ nth: number; new: string }>({
    name: 'streams',
    text: MARK_SEEN,
    values: [
      `{${streams.map(({ deviceId }) => deviceId).join(',')}}`,
      `{${streams.map(({ stream }) => stream).join(',')}}`,
      `{${streams.map(({ numbered }) => `"${rangesOf([...numbered.keys()])}"`).join(',')}}`,
    ],
  });
  for (const { nth, new: ranges } of rows) {
    const numbered = streams[nth - 1]?.numbered;
    if (numbered === undefined) continue;
    const isNew = rangeTest(ranges);
    for (const [seq, entry] of numbered) if (isNew(seq)) fresh.push(entry);
  }
  return fresh;
}

/**
 * Adds the numbers of each stream to those seen, and gives which of them were not. Rows are locked before they are
 * read. Of a stream with very many gaps only the newest half is kept: numbers older than that are told apart by the
 * key of the points alone.
 */
const MARK_SEEN = `
  WITH incoming AS (
    SELECT device_id, stream, ranges, nth
    FROM unnest($1::uuid[], $2::text[], $3::int8multirange[]) WITH ORDINALITY AS one (device_id, stream, ranges, nth)
  ), before AS (
    SELECT streams.device_id, streams.stream, streams.seen
    FROM streams JOIN incoming USING (device_id, stream)
    ORDER BY streams.device_id, streams.stream FOR UPDATE OF streams
  ), marked AS (
    INSERT INTO streams (device_id, stream, seen)
    SELECT device_id, stream, ranges FROM incoming
    ON CONFLICT (device_id, stream) DO UPDATE SET seen =
      CASE WHEN pg_column_size(streams.seen) > 16384
        THEN (streams.seen + EXCLUDED.seen) * int8multirange(int8range((lower(streams.seen) + upper(streams.seen)) / 2, NULL))
        ELSE streams.seen + EXCLUDED.seen END
  )
  SELECT nth::int AS nth, (ranges - coalesce(before.seen, '{}'::int8multirange))::text AS new
  FROM incoming LEFT JOIN before USING (device_id, stream)`;

/** Numbers as a multirange: `{[1,3],[5,5]}`. */
function rangesOf(numbers: number[]): string {
  const sorted = numbers.sort((a, b) => a - b);
  const parts: string[] = [];
  let from = sorted[0] ?? 0;
  let to = from;
  for (const number of sorted.slice(1)) {
    if (number === to + 1) to = number;
    else {
      parts.push(`[${from},${to}]`);
      from = number;
      to = number;
    }
  }
  parts.push(`[${from},${to}]`);
  return `{${parts.join(',')}}`;
}

/** Whether a number is in a multirange as PostgreSQL writes it: `{[1,4),[5,6)}`. */
function rangeTest(text: string): (number: number) => boolean {
  const ranges = [...text.matchAll(/\[(\d+),(\d+)\)/g)].map(([, from, to]) => [Number(from), Number(to)] as const);
  return (number) => ranges.some(([from, to]) => number >= from && number < to);
}

/** Columns of points as the text of PostgreSQL arrays: the driver's own way looks at each element several times. */
interface Columns {
  readonly series: number[];
  readonly at: number[];
  readonly seq: number[];
  readonly received: number[];
  readonly num: (number | 'NULL')[];
  readonly value: string[] | null;
}

async function insertPoints(client: PoolClient, entries: readonly Entry[], lateBefore: number): Promise<void> {
  const classes = new Map<number, Map<string, Row>>();
  for (const entry of entries) {
    if (entry.points.length === 0) continue;
    let rows = classes.get(entry.keepDays);
    if (rows === undefined) {
      rows = new Map();
      classes.set(entry.keepDays, rows);
    }
    for (let nth = 0; nth < entry.points.length; nth++) {
      const point = entry.points[nth];
      const seriesId = entry.seriesIds[nth];
      if (point === undefined || seriesId === undefined) continue;
      const seq = entry.seqs?.[nth] ?? entry.seq ?? 0;
      // one statement may not write a row twice: the later value of an instant counts
      rows.set(`${seriesId} ${point.at} ${seq}`, { seriesId, point, seq, receivedAt: entry.receivedAt });
    }
  }
  // one order for all servers, so that two batches never wait for each other
  for (const [keepDays, rows] of [...classes].sort(([a], [b]) => a - b)) {
    const columns = columnsOf(rows.values());
    await client.query({
      name: `points ${keepDays}`,
      text: `INSERT INTO ${pointsTable(keepDays)} (series_id, at, seq, received_at, num, value)
        SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::bigint[], $5::float8[], $6::jsonb[])
        ON CONFLICT (series_id, at, seq) DO UPDATE SET num = EXCLUDED.num, value = EXCLUDED.value,
          received_at = EXCLUDED.received_at`,
      values: valuesOf(columns),
    });
    await upsertLatest(client, rows.values());
    await markLate(client, keepDays, rows.values(), lateBefore);
  }
}

interface Row {
  readonly seriesId: number;
  readonly point: Point;
  readonly seq: number;
  readonly receivedAt: number;
}

function columnsOf(rows: Iterable<Row>): Columns {
  const series: number[] = [];
  const at: number[] = [];
  const seq: number[] = [];
  const received: number[] = [];
  const num: (number | 'NULL')[] = [];
  const value: string[] = [];
  let hasValues = false;
  for (const { seriesId, point, seq: number, receivedAt } of rows) {
    series.push(seriesId);
    at.push(point.at);
    seq.push(number);
    received.push(receivedAt);
    if (typeof point.value === 'number') num.push(point.value);
    else if (typeof point.value === 'boolean') num.push(point.value ? 1 : 0);
    else num.push('NULL');
    if (typeof point.value === 'string' || typeof point.value === 'object') {
      hasValues = true;
      value.push(quoted(JSON.stringify(point.value)));
    } else value.push('NULL');
  }
  return { series, at, seq, received, num, value: hasValues ? value : null };
}

function valuesOf({ series, at, seq, received, num, value }: Columns): string[] {
  const nulls = value ?? series.map(() => 'NULL');
  return [series, at, seq, received, num, nulls].map((column) => `{${column.join(',')}}`);
}

/** An element of an array literal. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}

/** The newest value of each series of the batch, where it is newer than the one there. */
async function upsertLatest(client: PoolClient, rows: Iterable<Row>): Promise<void> {
  const newest = new Map<number, Row>();
  for (const row of rows) {
    const other = newest.get(row.seriesId);
    if (other === undefined || row.point.at >= other.point.at) newest.set(row.seriesId, row);
  }
  // one order for all servers, so that two batches never wait for each other
  const sorted = [...newest.values()].sort((a, b) => a.seriesId - b.seriesId);
  const { series, at, received, num, value } = columnsOf(sorted);
  await client.query({
    name: 'latest',
    text: `INSERT INTO latest (series_id, at, received_at, num, value)
      SELECT * FROM unnest($1::int[], $2::bigint[], $3::bigint[], $4::float8[], $5::jsonb[])
      ON CONFLICT (series_id) DO UPDATE SET at = EXCLUDED.at, received_at = EXCLUDED.received_at, num = EXCLUDED.num,
        value = EXCLUDED.value WHERE latest.at <= EXCLUDED.at`,
    values: [series, at, received, num, value ?? series.map(() => 'NULL')].map((column) => `{${column.join(',')}}`),
  });
}

/** Minutes that may have been rolled up before these points came. */
async function markLate(client: PoolClient, keepDays: number, rows: Iterable<Row>, lateBefore: number): Promise<void> {
  const late = new Set<string>();
  for (const { seriesId, point } of rows) {
    if (point.at < lateBefore && typeof point.value !== 'string' && typeof point.value !== 'object') {
      late.add(`${seriesId} ${point.at - (point.at % MINUTE_MS)}`);
    }
  }
  if (late.size === 0) return;
  const pairs = [...late].map((pair) => pair.split(' '));
  await client.query({
    name: 'late',
    // a mark that is there is locked: else it could go with a roll-up that does not see our points yet
    text: `INSERT INTO rollup_dirty (keep_days, series_id, minute)
      SELECT $1, * FROM unnest($2::int[], $3::bigint[]) ORDER BY 2, 3
      ON CONFLICT (keep_days, series_id, minute) DO UPDATE SET minute = EXCLUDED.minute`,
    values: [
      keepDays,
      `{${pairs.map(([series]) => series).join(',')}}`,
      `{${pairs.map(([, minute]) => minute).join(',')}}`,
    ],
  });
}

async function insertEvents(client: PoolClient, entries: readonly Entry[]): Promise<void> {
  const events = entries.filter(({ event }) => event !== null);
  if (events.length === 0) return;
  const pick = <T>(of: (event: EventRow) => T): (T | null)[] =>
    events.map(({ event }) => (event === null ? null : of(event)));
  await client.query({
    name: 'events',
    text: `INSERT INTO device_events (event_id, device_id, name, level, data, at, received_at)
      SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::bigint[], $7::bigint[])`,
    values: [
      pick(({ eventId }) => eventId),
      events.map(({ deviceId }) => deviceId),
      pick(({ name }) => name),
      pick(({ level }) => level),
      pick(({ data }) => (data === null ? null : JSON.stringify(data))),
      pick(({ at }) => at),
      events.map(({ receivedAt }) => receivedAt),
    ],
  });
}
