import type { Database } from '../../platform/db/index.ts';
import type { UserTables } from '../users/store.ts';

export interface SessionTables extends UserTables {
  sessions: {
    token_hash: Buffer;
    session_id: string;
    user_id: string;
    created_at: number;
    last_used_at: number;
    expires_at: number;
    proved_at: number;
    address: string | null;
    user_agent: string | null;
    /** An identity provider asked for two factors. */
    second_factor: boolean;
  };
  sign_in_tries: { key: Buffer; failures: number; last_at: number };
  pending_sign_ins: { token_hash: Buffer; user_id: string; tries: number; expires_at: number };
  known_sources: { user_id: string; source_hash: Buffer; last_at: number };
}
export type SessionRow = SessionTables['sessions'];

/** Tries of a second factor for one sign-in. */
const MOST_TRIES = 5;

export function createSessionStore(db: Database<SessionTables>) {
  return {
    async insert(row: SessionRow): Promise<void> {
      await db.deleteFrom('sessions').where('expires_at', '<', row.created_at).execute();
      await db.insertInto('sessions').values(row).execute();
    },

    async used(sessionId: string, now: number): Promise<void> {
      await db.updateTable('sessions').set({ last_used_at: now }).where('session_id', '=', sessionId).execute();
    },

    async proved(sessionId: string, now: number): Promise<void> {
      await db.updateTable('sessions').set({ proved_at: now }).where('session_id', '=', sessionId).execute();
    },

    /** Newest first. */
    list: (userId: string, now: number, usedAfter: number): Promise<SessionRow[]> =>
      db
        .selectFrom('sessions')
        .selectAll()
        .where('user_id', '=', userId)
        .where('expires_at', '>', now)
        .where('last_used_at', '>', usedAfter)
        .orderBy('session_id', 'desc')
        .limit(200)
        .execute(),

    async endByToken(tokenHash: Buffer): Promise<void> {
      await db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute();
    },

    async end(userId: string, sessionId: string): Promise<boolean> {
      const done = await db
        .deleteFrom('sessions')
        .where('user_id', '=', userId)
        .where('session_id', '=', sessionId)
        .executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    async endAll(userId: string, except: string | null): Promise<number> {
      let query = db.deleteFrom('sessions').where('user_id', '=', userId);
      if (except !== null) query = query.where('session_id', '!=', except);
      const done = await query.executeTakeFirst();
      await db.deleteFrom('pending_sign_ins').where('user_id', '=', userId).execute();
      return Number(done.numDeletedRows);
    },

    async addPending(tokenHash: Buffer, userId: string, now: number, expiresAt: number): Promise<void> {
      await db.deleteFrom('pending_sign_ins').where('expires_at', '<', now).execute();
      await db
        .insertInto('pending_sign_ins')
        .values({ token_hash: tokenHash, user_id: userId, tries: 0, expires_at: expiresAt })
        .execute();
    },

    /** Counts a try before it is judged; undefined when there were enough, or it is too late. */
    async tryPending(tokenHash: Buffer, now: number): Promise<string | undefined> {
      const row = await db
        .updateTable('pending_sign_ins')
        .set((eb) => ({ tries: eb('tries', '+', 1) }))
        .where('token_hash', '=', tokenHash)
        .where('tries', '<', MOST_TRIES)
        .where('expires_at', '>', now)
        .returning('user_id')
        .executeTakeFirst();
      return row?.user_id;
    },

    /** Uses it up; false when it was used in the meantime. */
    async takePending(tokenHash: Buffer): Promise<boolean> {
      const done = await db.deleteFrom('pending_sign_ins').where('token_hash', '=', tokenHash).executeTakeFirst();
      return done.numDeletedRows === 1n;
    },
  };
}
