import { bug } from '@muster/contract';
import type { Pool } from 'pg';
import { systemClock } from '../../packages/server/src/platform/clock.ts';
import { openDatabase, startEmbeddedPostgres } from '../../packages/server/src/platform/db/index.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';
import { createRollups } from '../../packages/server/src/telemetry/rollups.ts';
import { createTables } from '../../packages/server/src/telemetry/tables.ts';
import type { BenchContext } from '../define.ts';

export const DAY_MS = 86_400_000;
/** The bench's own values: a wave of a day with a step for each series. */
const VALUE = 'sin(at * 7.27e-8) * 5 + series_id % 10 + at % 7';
const WRITERS = 2;

/**
 * Fills the data of a server that is not running: a point a minute for the first `whole` series, by SQL into the tables
 * that the server made; then the server's own code rolls them up, from nothing. All other series get the hours and days
 * of one of those: a chart of months reads nothing else, and reads it from tables of their full size. Returns how many
 * points there are.
 */
export async function fill(
  dataDir: string,
  span: { readonly from: number; readonly to: number },
  whole: number,
  { progress, signal }: Pick<BenchContext, 'progress' | 'signal'>,
): Promise<number> {
  const log = createLogger('warn');
  const postgres = await startEmbeddedPostgres(dataDir, log);
  const database = openDatabase(postgres.connectionString, 6, log);
  const { pool } = database;
  try {
    const days: number[] = [];
    for (let day = span.from - (span.from % DAY_MS); day < span.to; day += DAY_MS) days.push(day);
    let done = 0;
    let points = 0;
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        for (let day = days.shift(); day !== undefined && !signal.aborted; day = days.shift()) {
          const client = await pool.connect();
          await client.query("SET statement_timeout = '10min'");
          const { rowCount } = await client.query({
            text: `INSERT INTO points_90 (series_id, at, seq, received_at, num)
              SELECT series_id, at, 0, at, ${VALUE} FROM generate_series($1::bigint, $2::bigint, 60000) AS at,
                (SELECT series_id FROM series ORDER BY series_id LIMIT ${Math.round(whole)}) AS whole
              ORDER BY at, series_id ON CONFLICT DO NOTHING`,
            values: [Math.max(day, span.from), Math.min(day + DAY_MS, span.to) - 1],
            query_timeout: 600_000,
          } as never);
          await client.query('RESET statement_timeout');
          client.release();
          points += rowCount ?? 0;
          progress('days of points', ++done, done + days.length);
        }
      }),
    );
    await pool.query('TRUNCATE rollup_state, rollup_dirty, rollup_1m_90, rollup_1h_90, rollup_1d_90');
    const tables = await createTables(pool, systemClock, log);
    const rollups = createRollups(pool, systemClock, tables);
    for (let before = -1; !signal.aborted; ) {
      await rollups.run(signal);
      const [{ upTo: made } = { upTo: { '1m': 0, '1d': 0 } }] = await rollups.made([90]);
      progress(
        'roll-ups, days',
        Math.floor((made['1m'] - span.from) / DAY_MS),
        Math.floor((span.to - span.from) / DAY_MS),
      );
      if (made['1m'] >= span.to - DAY_MS && made['1d'] === before) break;
      before = made['1d'];
    }
    signal.throwIfAborted();
    progress('hours and days of the other series');
    for (const level of ['1h', '1d'] as const) await copyRollups(pool, level, whole);
    await pool.query({ text: 'ANALYZE', query_timeout: 300_000 } as never);
    return points;
  } catch (error) {
    throw bug('the data of the bench could not be made', error);
  } finally {
    await database.close();
    await postgres.stop();
  }
}

/** Every series past the first `whole` gets the buckets of one of them. */
async function copyRollups(pool: Pool, level: '1h' | '1d', whole: number): Promise<void> {
  const client = await pool.connect();
  await client.query("SET statement_timeout = '10min'");
  await client.query({
    text: `WITH numbered AS (SELECT series_id, row_number() OVER (ORDER BY series_id) - 1 AS nth FROM series)
      INSERT INTO rollup_${level}_90
      SELECT other.series_id, made.at, made.min, made.max, made.sum, made.count, made.last, made.last_at
      FROM numbered AS other JOIN numbered AS source ON other.nth >= $1 AND source.nth = other.nth % $1
      JOIN rollup_${level}_90 AS made ON made.series_id = source.series_id
      ORDER BY made.at, other.series_id
      ON CONFLICT (series_id, at) DO UPDATE SET min = EXCLUDED.min, max = EXCLUDED.max, sum = EXCLUDED.sum,
        count = EXCLUDED.count, last = EXCLUDED.last, last_at = EXCLUDED.last_at`,
    values: [whole],
    query_timeout: 600_000,
  } as never);
  await client.query('RESET statement_timeout');
  client.release();
}
