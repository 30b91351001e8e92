import { createHash } from 'node:crypto';
import { MusterError } from '@muster/contract';
import { sql } from 'kysely';
import type { Clock } from '../../platform/clock.ts';
import { type Database, outsideUnit } from '../../platform/db/index.ts';
import type { SessionTables } from './store.ts';

/**
 * Slows down whoever guesses, without locking anybody out: after some failures each further try must wait twice as long
 * as the one before, up to a bound. Counted for an account from one source, for the account from everywhere, and for the
 * source; strangers who try an account do not slow down a source from which its owner has signed in before. It is in the
 * database, so two servers give no more tries than one, and a try is counted before it is judged, so that many at once
 * count each other.
 */
export interface Throttle {
  /** Counts a try. RATE_LIMITED with how long to wait. Takes as long for an account that there is not. */
  count(account: string, source: string): Promise<void>;
  /**
   * It was right: what the account and this source had failed is forgotten. Whether the user came from somewhere else
   * until now.
   */
  succeeded(account: string, source: string, userId: string): Promise<boolean>;
}

/** Failures that cost nothing, and how long they are remembered, ms. */
const FREE = { pair: 9, account: 30, source: 60 };
const FIRST_MS = 15_000;
const LONGEST_MS = 15 * 60_000;
const REMEMBERED_MS = 60 * 60_000;
/** A source from which somebody signed in is theirs for so long, ms. */
const KNOWN_MS = 90 * 86_400_000;

const hashOf = (...parts: readonly string[]): Buffer => createHash('sha256').update(JSON.stringify(parts)).digest();

export function createThrottle(deps: { readonly db: Database<SessionTables>; readonly clock: Clock }): Throttle {
  const { db, clock } = deps;

  /** Counts one failure, unless it must wait: then says how long, ms. */
  async function take(key: Buffer, free: number): Promise<number> {
    const now = clock.now();
    const delay = sql<number>`CASE WHEN tries.failures <= ${free}::int THEN 0
      ELSE least(${FIRST_MS}::bigint * power(2, least(tries.failures - ${free}::int - 1, 20))::bigint, ${LONGEST_MS}::bigint) END`;
    const { rows } = await sql<{ failures: number }>`
      INSERT INTO sign_in_tries AS tries (key, failures, last_at) VALUES (${key}, 1, ${now})
      ON CONFLICT (key) DO UPDATE SET last_at = ${now},
        failures = CASE WHEN tries.last_at < ${now - REMEMBERED_MS} THEN 1 ELSE tries.failures + 1 END
      WHERE tries.last_at + ${delay} <= ${now} OR tries.last_at < ${now - REMEMBERED_MS}
      RETURNING failures`.execute(db);
    if (rows.length > 0) return 0;
    const found = await sql<{ until: number }>`
      SELECT last_at + ${delay} AS until FROM sign_in_tries AS tries WHERE key = ${key}`.execute(db);
    return Math.max(1_000, (found.rows[0]?.until ?? 0) - now);
  }

  async function isKnown(account: string, source: string): Promise<boolean> {
    const row = await db
      .selectFrom('known_sources')
      .innerJoin('users', 'users.user_id', 'known_sources.user_id')
      .select('last_at')
      .where('email_key', '=', account)
      .where('source_hash', '=', hashOf(source))
      .where('last_at', '>', clock.now() - KNOWN_MS)
      .executeTakeFirst();
    return row !== undefined;
  }

  return {
    // whatever becomes of the request: the try has been made
    count: (account, source) =>
      outsideUnit(async () => {
        const known = await isKnown(account, source);
        const counters: [key: Buffer, free: number][] = [[hashOf('pair', account, source), FREE.pair]];
        if (!known) counters.push([hashOf('source', source), FREE.source], [hashOf('account', account), FREE.account]);
        // one after the other: what is refused for one counts for no other, so a source cannot use up an account's tries
        for (const [key, free] of counters) {
          const retryAfterMs = await take(key, free);
          if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
        }
      }),

    succeeded: (account, source, userId) =>
      outsideUnit(async () => {
        const now = clock.now();
        const keys = [hashOf('pair', account, source), hashOf('account', account)];
        await db.deleteFrom('sign_in_tries').where('key', 'in', keys).execute();
        // one account of its own does not make a source that tries others a good one
        await db
          .updateTable('sign_in_tries')
          .set((eb) => ({ failures: eb.fn<number>('greatest', [eb('failures', '-', 1), eb.val(0)]) }))
          .where('key', '=', hashOf('source', source))
          .execute();
        await db
          .deleteFrom('sign_in_tries')
          .where('last_at', '<', now - REMEMBERED_MS)
          .execute();
        await db
          .deleteFrom('known_sources')
          .where('user_id', '=', userId)
          .where('last_at', '<', now - KNOWN_MS)
          .execute();
        const known = await db
          .selectFrom('known_sources')
          .select('source_hash')
          .where('user_id', '=', userId)
          .execute();
        await db
          .insertInto('known_sources')
          .values({ user_id: userId, source_hash: hashOf(source), last_at: now })
          .onConflict((at) => at.columns(['user_id', 'source_hash']).doUpdateSet({ last_at: now }))
          .execute();
        return known.length > 0 && !known.some((row) => row.source_hash.equals(hashOf(source)));
      }),
  };
}
