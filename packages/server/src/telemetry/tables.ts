import type { Pool, PoolClient } from 'pg';
import type { Clock } from '../platform/clock.ts';
import type { Logger } from '../platform/log.ts';
import { DAY_MS, KEEP_DAYS, ROLLUP_KEEP_DAYS } from './config.ts';
import { dropChunks, hasTimescale, hypertable } from './timescale.ts';

/** Levels of roll-ups, with the span of one partition, days. */
export const ROLLUP_LEVELS = { '1m': 7, '1h': 365, '1d': 3_650 } as const;
export type RollupLevel = keyof typeof ROLLUP_LEVELS;

export function pointsTable(keepDays: number): string {
  return `points_${keepDays}`;
}
export function rollupTable(level: RollupLevel, keepDays: number): string {
  return `rollup_${level}_${keepDays}`;
}

/** The tables of the retention classes and their partitions. */
export interface Tables {
  /** Classes whose tables exist. */
  classes(): readonly number[];
  /** Learns of classes that other servers made. */
  refresh(): Promise<void>;
  /** Makes the tables of a class, and today's and tomorrow's partitions, unless they are there. */
  ensureClass(keepDays: number): Promise<void>;
  /** Makes the partitions for these days (epoch ms of their beginning), unless they are there. Cheap when they are. */
  ensureDays(keepDays: number, days: Iterable<number>): Promise<void>;
  /** Makes partitions ahead and drops those out of date; how many were dropped. */
  maintain(): Promise<number>;
}

/** What pg_class calls a table that is partitioned. */
const PARTITIONED = 'p';
/** Any fixed number: servers that start together make tables one after the other. */
const LOCK = 7_355_609;

export async function createTables(pool: Pool, clock: Clock, log: Logger): Promise<Tables> {
  /** `points_90_p19000`: partitions that are known to be there. */
  const known = new Set<string>();
  /** To whether its tables are TimescaleDB's: a class stays what it was made as, also when the extension comes later. */
  const classes = new Map<number, boolean>();
  const timescale = await hasTimescale(pool);
  await refresh();

  async function refresh(): Promise<void> {
    const { rows } = await pool.query<{ days: number; relkind: string }>(
      `SELECT days, relkind FROM unnest($1::int[], $2::text[]) AS one (days, name)
       JOIN pg_class ON pg_class.oid = to_regclass(name)`,
      [KEEP_DAYS, KEEP_DAYS.map(pointsTable)],
    );
    for (const { days, relkind } of rows) classes.set(days, relkind !== PARTITIONED);
  }

  async function locked<T>(task: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect();
    try {
      await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
      return await task(client);
    } finally {
      await client.query('SELECT pg_advisory_unlock($1)', [LOCK]).finally(() => client.release());
    }
  }

  async function ensureAll(client: PoolClient, keepDays: number, at: number): Promise<void> {
    for (const { name, table, from, to } of partitionsOf(keepDays, at)) {
      if (known.has(name)) continue;
      await client.query(
        `CREATE TABLE IF NOT EXISTS ${name} PARTITION OF ${table} FOR VALUES FROM (${from}) TO (${to})`,
      );
      known.add(name);
    }
  }

  async function ensureClass(keepDays: number): Promise<void> {
    if (classes.has(keepDays)) return;
    await locked(async (client) => {
      await client.query(createStatements(keepDays, timescale));
      if (timescale) return;
      for (const at of [clock.now(), clock.now() + DAY_MS]) await ensureAll(client, keepDays, at);
    });
    await refresh();
  }

  return {
    classes: () => [...classes.keys()].sort((a, b) => a - b),
    refresh,
    ensureClass,
    async ensureDays(keepDays, days) {
      if (classes.get(keepDays) !== false) return;
      const missing = [...days].filter((day) => partitionsOf(keepDays, day).some(({ name }) => !known.has(name)));
      if (missing.length === 0) return;
      await locked(async (client) => {
        for (const day of missing) await ensureAll(client, keepDays, day);
      });
    },
    async maintain() {
      const now = clock.now();
      let dropped = 0;
      for (const [keepDays, hyper] of classes) {
        if (!hyper) {
          await locked(async (client) => {
            for (const ahead of [0, 1, 2]) await ensureAll(client, keepDays, now + ahead * DAY_MS);
          });
        }
        const rollupDays = Math.max(keepDays, ROLLUP_KEEP_DAYS);
        for (const [table, keep] of [
          [pointsTable(keepDays), keepDays],
          [rollupTable('1m', keepDays), keepDays],
          [rollupTable('1h', keepDays), rollupDays],
          [rollupTable('1d', keepDays), rollupDays],
        ] as const) {
          dropped += hyper
            ? await dropChunks(pool, table, now - keep * DAY_MS)
            : await dropBefore(table, now - keep * DAY_MS);
        }
      }
      if (dropped > 0) log.info({ dropped }, 'measurements out of date were dropped');
      return dropped;
    },
  };

  async function dropBefore(table: string, before: number): Promise<number> {
    const spanDays = spanOf(table);
    const { rows } = await pool.query<{ name: string }>(
      'SELECT c.relname AS name FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = $1::regclass',
      [table],
    );
    let dropped = 0;
    for (const { name } of rows) {
      const from = Number(name.slice(name.lastIndexOf('_p') + 2)) * DAY_MS;
      if (!(from + spanDays * DAY_MS <= before)) continue;
      // a reader that holds the table must not hold up everybody who comes after us
      await locked(async (client) => {
        await client.query("SET lock_timeout = '2s'");
        await client.query(`DROP TABLE IF EXISTS ${name}`).finally(() => client.query('RESET lock_timeout'));
      });
      known.delete(name);
      dropped += 1;
    }
    return dropped;
  }
}

interface Partition {
  readonly name: string;
  readonly table: string;
  /** Epoch ms; `to` is not in it. */
  readonly from: number;
  readonly to: number;
}

/** The partitions of a class in which an instant lies: of its points and of each level. */
function partitionsOf(keepDays: number, at: number): Partition[] {
  const levels = Object.keys(ROLLUP_LEVELS) as RollupLevel[];
  return [pointsTable(keepDays), ...levels.map((level) => rollupTable(level, keepDays))].map((table) => {
    const span = spanOf(table) * DAY_MS;
    const from = Math.floor(at / span) * span;
    return { name: `${table}_p${from / DAY_MS}`, table, from, to: from + span };
  });
}

/** Days of one partition of a table. */
export function spanOf(table: string): number {
  const level = /^rollup_(1[mhd])_/.exec(table)?.[1];
  return level === undefined ? 1 : ROLLUP_LEVELS[level as RollupLevel];
}

function createStatements(keepDays: number, timescale: boolean): string {
  const points = pointsTable(keepDays);
  const partitioned = timescale ? '' : 'PARTITION BY RANGE (at)';
  const statements = [
    `CREATE TABLE IF NOT EXISTS ${points} (
       series_id integer NOT NULL,
       at bigint NOT NULL,
       -- of the message in its stream, 0 when it has none; a later value of the same instant and number takes its place
       seq bigint NOT NULL,
       received_at bigint NOT NULL,
       -- numbers, and booleans as 0 and 1
       num double precision,
       -- everything else
       value jsonb,
       PRIMARY KEY (series_id, at, seq)
     ) ${partitioned}`,
    // points come nearly in the order of their time: a few pages tell where a minute is
    `CREATE INDEX IF NOT EXISTS ${points}_at ON ${points} USING brin (at) WITH (pages_per_range = 32, autosummarize = on)`,
  ];
  if (timescale) statements.push(hypertable(points, 1));
  for (const [level, spanDays] of Object.entries(ROLLUP_LEVELS)) {
    const table = rollupTable(level as RollupLevel, keepDays);
    statements.push(
      `CREATE TABLE IF NOT EXISTS ${table} (
         series_id integer NOT NULL,
         at bigint NOT NULL,
         min double precision NOT NULL,
         max double precision NOT NULL,
         sum double precision NOT NULL,
         count bigint NOT NULL,
         last double precision NOT NULL,
         last_at bigint NOT NULL,
         PRIMARY KEY (series_id, at)
       ) ${partitioned}`,
      `CREATE INDEX IF NOT EXISTS ${table}_at ON ${table} USING brin (at) WITH (pages_per_range = 32, autosummarize = on)`,
    );
    if (timescale) statements.push(hypertable(table, spanDays));
  }
  return statements.join(';\n');
}
