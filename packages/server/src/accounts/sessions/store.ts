import type { Role, User } from '@muster/contract';
import { sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';
import type { Person } from '../permissions.ts';
import { toUser, type UserTables } from '../users/store.ts';
import type { AccountsConfig } from './config.ts';

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

/** One open session, with what its user may do now. */
export interface Session {
  readonly sessionId: string;
  readonly user: User;
  readonly actor: Person;
  readonly lastUsedAt: number;
}

/** Tries of a second factor for one sign-in. */
const MOST_TRIES = 5;

/** Whom this deployment asks for a second factor. */
export type Demands = AccountsConfig['secondFactor'];

export function createSessionStore(db: Database<SessionTables>, demands?: Demands) {
  return {
    async insert(row: SessionRow): Promise<void> {
      await db.deleteFrom('sessions').where('expires_at', '<', row.created_at).execute();
      await db.insertInto('sessions').values(row).execute();
    },

    /** Those of these sessions that are open, by their hash in hex. `usedAfter`: an older one was left idle. */
    async find(tokenHashes: readonly Buffer[], now: number, usedAfter: number): Promise<Map<string, Session>> {
      if (tokenHashes.length === 0) return new Map();
      const rows = await db
        .selectFrom('sessions')
        .innerJoin('users', 'users.user_id', 'sessions.user_id')
        .leftJoin('members', 'members.user_id', 'users.user_id')
        .select(['token_hash', 'session_id', 'proved_at', 'last_used_at', 'second_factor', 'site_id', 'role'])
        .select(['users.user_id', 'email', 'name', 'administrator', 'support', 'state', 'language', 'users.created_at'])
        .select(
          sql<boolean>`EXISTS (SELECT FROM totp_secrets WHERE totp_secrets.user_id = users.user_id AND confirmed_at IS NOT NULL)
            OR EXISTS (SELECT FROM passkeys WHERE passkeys.user_id = users.user_id)`.as('has_factor'),
        )
        .where((eb) => eb('token_hash', '=', eb.fn.any(eb.val([...tokenHashes]))))
        .where('expires_at', '>', now)
        .where('last_used_at', '>', usedAfter)
        .where('state', '=', 'active')
        .execute();
      const found = new Map<
        string,
        Session & { readonly actor: { readonly roles: Map<string, Role>; lacksFactor: boolean } }
      >();
      for (const row of rows) {
        const key = row.token_hash.toString('hex');
        const session = found.get(key) ?? {
          sessionId: row.session_id,
          user: toUser(row),
          lastUsedAt: row.last_used_at,
          actor: {
            kind: 'user',
            userId: row.user_id,
            administrator: row.administrator,
            support: row.support,
            roles: new Map(),
            provedAt: row.proved_at,
            lacksFactor: false,
          },
        };
        found.set(key, session);
        if (row.site_id !== null && row.role !== null) session.actor.roles.set(row.site_id, row.role);
        const isAsked =
          demands !== undefined &&
          ((row.administrator && demands.administrator) ||
            (row.support && demands.support) ||
            (row.role !== null && demands[row.role]));
        if (isAsked && !row.has_factor && !row.second_factor) session.actor.lacksFactor = true;
      }
      return found;
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
