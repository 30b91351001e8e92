import type { Role, User } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';
import type { Person } from '../permissions.ts';
import { toUser, type UserTables } from '../users/store.ts';

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
  };
}
export type SessionRow = SessionTables['sessions'];

/** One open session, with what its user may do now. */
export interface Session {
  readonly sessionId: string;
  readonly user: User;
  readonly actor: Person;
}

export function createSessionStore(db: Database<SessionTables>) {
  return {
    async insert(row: SessionRow): Promise<void> {
      await db.deleteFrom('sessions').where('expires_at', '<', row.created_at).execute();
      await db.insertInto('sessions').values(row).execute();
    },

    /** Those of these sessions that are open, by their hash in hex. */
    async find(tokenHashes: readonly Buffer[], now: number): Promise<Map<string, Session>> {
      if (tokenHashes.length === 0) return new Map();
      const rows = await db
        .selectFrom('sessions')
        .innerJoin('users', 'users.user_id', 'sessions.user_id')
        .leftJoin('members', 'members.user_id', 'users.user_id')
        .select(['token_hash', 'session_id', 'proved_at', 'site_id', 'role'])
        .select(['users.user_id', 'email', 'name', 'administrator', 'support', 'state', 'language', 'users.created_at'])
        .where((eb) => eb('token_hash', '=', eb.fn.any(eb.val([...tokenHashes]))))
        .where('expires_at', '>', now)
        .where('state', '=', 'active')
        .execute();
      const found = new Map<string, Session & { readonly actor: { readonly roles: Map<string, Role> } }>();
      for (const row of rows) {
        const key = row.token_hash.toString('hex');
        const session = found.get(key) ?? {
          sessionId: row.session_id,
          user: toUser(row),
          actor: {
            kind: 'user',
            userId: row.user_id,
            administrator: row.administrator,
            support: row.support,
            roles: new Map(),
            provedAt: row.proved_at,
          },
        };
        found.set(key, session);
        if (row.site_id !== null && row.role !== null) session.actor.roles.set(row.site_id, row.role);
      }
      return found;
    },

    async end(tokenHash: Buffer): Promise<void> {
      await db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute();
    },
  };
}
