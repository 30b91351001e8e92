import { MusterError } from '@muster/contract';
import { Kysely, PostgresDialect } from 'kysely';
import { DatabaseError, type Pool, types } from 'pg';
import type { Logger } from '../log.ts';
import { UnitPool } from './unit-of-work.ts';

// Epoch milliseconds and counts are bigint columns; they stay exact as numbers up to 2^53.
types.setTypeParser(types.builtins.INT8, Number);

/** A Kysely over the tables that a feature declares for itself: `Database<{ sites: SiteRow }>`. */
export type Database<Tables> = Kysely<Tables>;

export interface OpenDatabase {
  readonly pool: Pool;
  /** Each feature narrows this to its own tables. */
  for<Tables>(): Database<Tables>;
  /** Milliseconds that `SELECT 1` took; throws DATABASE_UNAVAILABLE. */
  ping(): Promise<number>;
  close(): Promise<void>;
}

const CONNECT_LIMIT_MS = 5_000;
/** Longest statement. Nothing a request waits for may take longer; bulk work sets its own. */
const STATEMENT_LIMIT_MS = 15_000;

export function openDatabase(connectionString: string, size: number, log: Logger): OpenDatabase {
  const pool = new UnitPool({
    connectionString,
    max: size,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    idleTimeoutMillis: 60_000,
    statement_timeout: STATEMENT_LIMIT_MS,
    query_timeout: STATEMENT_LIMIT_MS + 1_000,
    keepAlive: true,
    // queries that need not wait for each other leave together: the begin of a unit of work, its savepoints, its end
    pipeline: true,
    application_name: 'muster',
  });
  // a connection that breaks is replaced at the next query; without a listener it would end the process, also while it
  // is checked out and no query of it is under way
  pool.on('error', (error) => log[pool.ending ? 'debug' : 'warn']({ err: error }, 'an idle database connection broke'));
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'a database connection broke'));
  });
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return {
    pool,
    for: <Tables>() => kysely as unknown as Kysely<Tables>,
    async ping() {
      const start = performance.now();
      try {
        await pool.query('SELECT 1');
      } catch (error) {
        throw translateDatabaseError(error) ?? error;
      }
      return performance.now() - start;
    },
    async close() {
      // Kysely ends the pool only when it has used it
      await kysely.destroy();
      if (!pool.ending) await pool.end();
    },
  };
}

/** PostgreSQL's error classes: https://www.postgresql.org/docs/current/errcodes-appendix.html */
export const UNIQUE_VIOLATION = '23505';

export function isUniqueViolation(error: unknown, constraint?: string): boolean {
  return (
    error instanceof DatabaseError &&
    error.code === UNIQUE_VIOLATION &&
    (constraint === undefined || error.constraint === constraint)
  );
}

const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENOTFOUND',
]);

/** What a caller of the API should hear when the database fails; `null` when the error is not the database's. */
export function translateDatabaseError(error: unknown): MusterError | null {
  if (!(error instanceof Error)) return null;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  // 53100 disk full; 58030 I/O error, which a full disk gives too
  if (code === '53100' || /No space left on device/.test(error.message)) {
    return new MusterError('STORAGE_FULL', {}, { cause: error });
  }
  // text that cannot be stored: 22021 a NUL character, 22P05 the same inside of JSON, 22P02 half of a surrogate pair there
  if (code === '22021' || code === '22P05' || (code === '22P02' && /type json/.test(error.message)))
    return new MusterError(
      'REQUEST_INVALID',
      {},
      { cause: error, say: 'The text has a character that cannot be stored.' },
    );
  // 23503 with a row that names another: that one was never there, or went in the meantime
  if (code === '23503' && /on table .* violates/.test(error.message) && /^insert|^update/i.test(error.message)) {
    return new MusterError('NOT_FOUND', {}, { cause: error });
  }
  const class2 = code.slice(0, 2);
  const broken = class2 === '08' || class2 === '53' || class2 === '57' || class2 === '58';
  const lost = /Connection terminated|connection timeout|timeout exceeded when trying to connect|Query read timeout/i;
  if (broken || NETWORK_CODES.has(code) || lost.test(error.message)) {
    return new MusterError('DATABASE_UNAVAILABLE', {}, { cause: error });
  }
  return null;
}
