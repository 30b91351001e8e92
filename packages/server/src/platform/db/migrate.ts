import { readdir, readFile } from 'node:fs/promises';
import { MusterError } from '@muster/contract';
import type { Pool, PoolClient } from 'pg';
import type { Logger } from '../log.ts';

const DIRECTORY = new URL('../../../migrations/', import.meta.url);
/** Any fixed number: it names the advisory lock that lets one server at a time migrate. */
const LOCK = 7_355_608;
const FILE = /^(\d{4})_[a-z0-9_]+\.sql$/;

/**
 * Runs the numbered `.sql` files that this database has not seen, each in its own transaction, in order, one server at
 * a time. A file that was changed after it ran, or a database newer than this server, is refused: MIGRATION_FAILED.
 */
export async function migrate(pool: Pool, log: Logger, directory: URL = DIRECTORY): Promise<void> {
  const files = (await readdir(directory)).filter((name) => FILE.test(name)).sort();
  const client = await pool.connect();
  try {
    await client.query('SET statement_timeout = 0');
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, hash text NOT NULL, ran_at bigint NOT NULL)',
    );
    const done = await client.query<{ name: string; hash: string }>('SELECT name, hash FROM migrations');
    const seen = new Map(done.rows.map((row) => [row.name, row.hash]));
    const foreign = [...seen.keys()].find((name) => !files.includes(name));
    if (foreign !== undefined) {
      const say = `The database was made by a newer Muster (it has ${foreign}). Run that version or restore a backup.`;
      throw new MusterError('MIGRATION_FAILED', { migration: foreign }, { say });
    }
    for (const name of files) await apply(client, name, await readFile(new URL(name, directory), 'utf8'), seen, log);
  } finally {
    await client.query('SELECT pg_advisory_unlock_all()').catch(() => undefined);
    client.release(true);
  }
}

async function apply(
  client: PoolClient,
  name: string,
  sql: string,
  seen: Map<string, string>,
  log: Logger,
): Promise<void> {
  const { rows } = await client.query<{ hash: string }>(
    "SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex') AS hash",
    [sql],
  );
  const hash = rows[0]?.hash ?? '';
  const before = seen.get(name);
  if (before === hash) return;
  if (before !== undefined) {
    const say = `${name} was changed after it ran. Put it back and write a new migration instead.`;
    throw new MusterError('MIGRATION_FAILED', { migration: name }, { say });
  }
  try {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query('INSERT INTO migrations VALUES ($1, $2, $3)', [name, hash, Date.now()]);
    await client.query('COMMIT');
    log.info({ migration: name }, 'migrated');
  } catch (cause) {
    await client.query('ROLLBACK').catch(() => undefined);
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MusterError('MIGRATION_FAILED', { migration: name }, { cause, say: `${name} failed: ${reason}` });
  }
}
