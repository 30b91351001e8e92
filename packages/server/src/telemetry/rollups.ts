import type { Pool } from 'pg';
import type { Clock } from '../platform/clock.ts';
import { inTransaction } from '../platform/db/index.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS, ROLLUP_LAG_MS } from './config.ts';
import { pointsTable, type RollupLevel, rollupTable, type Tables } from './tables.ts';

/** Roll-ups of numbers and booleans: made from the raw points minute by minute, hours from minutes, days from hours. */
export interface Rollups {
  /** Makes what is due, and makes again what late points changed. Bounded work; what is left comes at the next run. */
  run(signal: AbortSignal): Promise<void>;
  /** Up to when the levels of these classes are made. */
  made(classes: readonly number[]): Promise<Made[]>;
}

/** A class of tables, and up to when its levels are made, epoch ms; newer points have to be read from the level below. */
export interface Made {
  readonly days: number;
  readonly upTo: Readonly<Record<RollupLevel, number>>;
}

export const LEVEL_MS: Readonly<Record<RollupLevel, number>> = { '1m': MINUTE_MS, '1h': HOUR_MS, '1d': DAY_MS };
const BELOW: Readonly<Record<RollupLevel, RollupLevel | null>> = { '1m': null, '1h': '1m', '1d': '1h' };
/** Span that one statement rolls up, ms, and minutes that one transaction makes again. */
const STEP_MS: Readonly<Record<RollupLevel, number>> = { '1m': 600_000, '1h': 6 * HOUR_MS, '1d': 7 * DAY_MS };
/** How many such spans are skipped at once where there is nothing. */
const WIDEST = 144;
const DIRTY_STEP = 2_000;
/** How long one run may take for each level, and for late points, ms: after a long pause the next run goes on. */
const RUN_MS = 5_000;
/** Longest statement, ms: of very many series a span takes longer than a request may. */
const STATEMENT_MS = 60_000;
/** Any fixed number: one server at a time rolls up. */
const LOCK = 7_355_610;

export function createRollups(pool: Pool, clock: Clock, tables: Tables): Rollups {
  async function readMade(classes: readonly number[]): Promise<{ days: number; upTo: Record<RollupLevel, number> }[]> {
    const { rows } = await pool.query<{ keep_days: number; level: RollupLevel; up_to: number }>({
      name: 'rollup state',
      text: 'SELECT keep_days, level, up_to FROM rollup_state',
    });
    return classes.map((days) => {
      const upTo = { '1m': 0, '1h': 0, '1d': 0 };
      for (const row of rows) if (row.keep_days === days) upTo[row.level] = row.up_to;
      return { days, upTo };
    });
  }

  async function advance(
    keepDays: number,
    level: RollupLevel,
    made: Record<RollupLevel, number>,
    mayGoOn: () => boolean,
  ): Promise<void> {
    const size = LEVEL_MS[level];
    const below = BELOW[level];
    const closed = below === null ? clock.now() - ROLLUP_LAG_MS : made[below];
    const end = Math.floor(closed / size) * size;
    let from = made[level];
    if (from === 0) {
      const first = await firstAt(keepDays, below);
      from = first === null ? end : Math.min(end, Math.floor(first / size) * size);
      await setUpTo(keepDays, level, from);
    }
    let width = STEP_MS[level];
    while (from < end && mayGoOn()) {
      const to = Math.min(end, Math.floor(from / width) * width + width);
      if (width > STEP_MS[level]) {
        // nothing for a while: wider and wider spans are looked at before they are rolled up
        if (await isEmpty(keepDays, level, from, to)) {
          await setUpTo(keepDays, level, to);
          width = Math.min(width * 4, WIDEST * STEP_MS[level]);
          from = to;
        } else width = STEP_MS[level];
        continue;
      }
      if ((await rollUpSpan(keepDays, level, from, to)) === 0) width *= 4;
      from = to;
    }
    made[level] = from;
  }

  /** All series in one span, in one transaction; how many buckets. */
  async function rollUpSpan(keepDays: number, level: RollupLevel, from: number, to: number): Promise<number> {
    await ensure(keepDays, from, to);
    return inTransaction(
      pool,
      async (client) => {
        const { rowCount } = await client.query(rollUp(keepDays, level, 'src.at >= $1 AND src.at < $2'), [from, to]);
        await client.query(SET_UP_TO, [keepDays, level, to]);
        return rowCount ?? 0;
      },
      { statementMs: STATEMENT_MS },
    );
  }

  async function isEmpty(keepDays: number, level: RollupLevel, from: number, to: number): Promise<boolean> {
    const { rows } = await pool.query<{ any: boolean }>(
      `SELECT EXISTS (SELECT FROM ${sourceOf(keepDays, level).table} WHERE at >= $1 AND at < $2) AS any`,
      [from, to],
    );
    return rows[0]?.any !== true;
  }

  /** Minutes with late points: they, their hours and their days are made again where they were made before. How many. */
  function remake(keepDays: number, made: Readonly<Record<RollupLevel, number>>): Promise<number> {
    return inTransaction(
      pool,
      async (client) => {
        // a minute that is not made yet will be made with everything in it
        const { rows } = await client.query<{ series_id: number; minute: number }>(
          `DELETE FROM rollup_dirty WHERE (keep_days, series_id, minute) IN
             (SELECT keep_days, series_id, minute FROM rollup_dirty WHERE keep_days = $1 AND minute < $2
              ORDER BY keep_days, series_id, minute LIMIT ${DIRTY_STEP} FOR UPDATE SKIP LOCKED)
           RETURNING series_id, minute`,
          [keepDays, made['1m']],
        );
        for (const day of new Set(rows.map(({ minute }) => minute - (minute % DAY_MS))))
          await tables.ensureDays(keepDays, [day]);
        for (const level of ['1m', '1h', '1d'] as const) {
          const size = LEVEL_MS[level];
          const buckets = new Set<string>();
          for (const { series_id, minute } of rows) {
            const begin = minute - (minute % size);
            if (begin < made[level]) buckets.add(`${series_id} ${begin}`);
          }
          if (buckets.size === 0) continue;
          const pairs = [...buckets].sort().map((pair) => pair.split(' '));
          await client.query(rollUpSome(keepDays, level), [
            `{${pairs.map(([series]) => series).join(',')}}`,
            `{${pairs.map(([, begin]) => begin).join(',')}}`,
          ]);
        }
        return rows.length;
      },
      { statementMs: STATEMENT_MS },
    );
  }

  async function firstAt(keepDays: number, below: RollupLevel | null): Promise<number | null> {
    const table = below === null ? pointsTable(keepDays) : rollupTable(below, keepDays);
    const { rows } = await pool.query<{ at: number | null }>(`SELECT min(at) AS at FROM ${table}`);
    return rows[0]?.at ?? null;
  }

  async function setUpTo(keepDays: number, level: RollupLevel, to: number): Promise<void> {
    await pool.query(SET_UP_TO, [keepDays, level, to]);
  }

  async function ensure(keepDays: number, from: number, to: number): Promise<void> {
    const days: number[] = [];
    for (let day = from - (from % DAY_MS); day < to; day += DAY_MS) days.push(day);
    await tables.ensureDays(keepDays, days);
  }

  return {
    made: readMade,
    async run(signal) {
      await tables.refresh();
      const lock = await pool.connect();
      try {
        const { rows } = await lock.query<{ got: boolean }>('SELECT pg_try_advisory_lock($1) AS got', [LOCK]);
        if (rows[0]?.got !== true) return;
        try {
          for (const { days: keepDays, upTo: made } of await readMade(tables.classes())) {
            for (const level of ['1m', '1h', '1d'] as const) {
              await advance(keepDays, level, made, within(clock, RUN_MS, signal));
            }
            const mayRemake = within(clock, RUN_MS, signal);
            while (mayRemake() && (await remake(keepDays, made)) === DIRTY_STEP);
          }
        } finally {
          await lock.query('SELECT pg_advisory_unlock($1)', [LOCK]);
        }
      } finally {
        lock.release();
      }
    },
  };
}

/** True until `ms` have passed or the signal is aborted. */
function within(clock: Clock, ms: number, signal: AbortSignal): () => boolean {
  const until = clock.monotonic() + ms;
  return () => !signal.aborted && clock.monotonic() < until;
}

const SET_UP_TO = `INSERT INTO rollup_state (keep_days, level, up_to) VALUES ($1, $2, $3)
  ON CONFLICT (keep_days, level) DO UPDATE SET up_to = greatest(rollup_state.up_to, EXCLUDED.up_to)`;

const REPLACE = `ON CONFLICT (series_id, at) DO UPDATE SET min = EXCLUDED.min, max = EXCLUDED.max, sum = EXCLUDED.sum,
  count = EXCLUDED.count, last = EXCLUDED.last, last_at = EXCLUDED.last_at`;

function sourceOf(keepDays: number, level: RollupLevel): { readonly table: string; readonly columns: string } {
  const below = BELOW[level];
  return below === null
    ? {
        table: pointsTable(keepDays),
        columns: `min(src.num), max(src.num), sum(src.num), count(src.num),
          (array_agg(src.num ORDER BY src.at DESC, src.seq DESC))[1], max(src.at)`,
      }
    : {
        table: rollupTable(below, keepDays),
        columns: `min(src.min), max(src.max), sum(src.sum), sum(src.count)::bigint,
          (array_agg(src.last ORDER BY src.at DESC))[1], max(src.last_at)`,
      };
}

/** All series in a span. */
function rollUp(keepDays: number, level: RollupLevel, where: string): string {
  const { table, columns } = sourceOf(keepDays, level);
  const size = LEVEL_MS[level];
  const numbers = BELOW[level] === null ? 'AND src.num IS NOT NULL' : '';
  return `INSERT INTO ${rollupTable(level, keepDays)} (series_id, at, min, max, sum, count, last, last_at)
    SELECT src.series_id, src.at - src.at % ${size}, ${columns}
    FROM ${table} AS src WHERE ${where} ${numbers} GROUP BY 1, 2 ${REPLACE}`;
}

/** Some buckets of some series: $1 and $2 are their arrays. */
function rollUpSome(keepDays: number, level: RollupLevel): string {
  const { table, columns } = sourceOf(keepDays, level);
  const size = LEVEL_MS[level];
  const numbers = BELOW[level] === null ? 'AND src.num IS NOT NULL' : '';
  return `INSERT INTO ${rollupTable(level, keepDays)} (series_id, at, min, max, sum, count, last, last_at)
    SELECT due.series_id, due.begin, ${columns}
    FROM unnest($1::int[], $2::bigint[]) AS due (series_id, begin)
    JOIN ${table} AS src ON src.series_id = due.series_id AND src.at >= due.begin AND src.at < due.begin + ${size} ${numbers}
    GROUP BY 1, 2 ${REPLACE}`;
}
