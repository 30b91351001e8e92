import type { Pool } from 'pg';
import { DAY_MS } from './config.ts';

// Used in place of native partitions for tables that are made when the database has TimescaleDB (2.13 or newer). It is in
// no package that our tests can install: the statements follow its documentation of create_hypertable and drop_chunks,
// were held against functions of the same signatures (timescale.test.ts), and were not run on the extension itself.

export async function hasTimescale(pool: Pool): Promise<boolean> {
  const { rows } = await pool.query("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'");
  return rows.length > 0;
}

/** Makes an empty table a hypertable with chunks of `spanDays`. Our own indexes are there already. */
export function hypertable(table: string, spanDays: number): string {
  const dimension = `by_range('at'::name, ${spanDays * DAY_MS}::bigint)`;
  return `SELECT create_hypertable('${table}'::regclass, ${dimension}, create_default_indexes => false, if_not_exists => true)`;
}

/** Drops the chunks that end before an instant, epoch ms; how many. */
export async function dropChunks(pool: Pool, table: string, before: number): Promise<number> {
  const { rows } = await pool.query('SELECT drop_chunks($1::regclass, older_than => $2::bigint)', [table, before]);
  return rows.length;
}
