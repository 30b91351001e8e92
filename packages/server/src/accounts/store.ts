import type { Role, User } from '@muster/contract';
import type { Database } from '../platform/db/index.ts';
import type { Actor } from './permissions.ts';

export interface AccountTables {
  users: {
    user_id: string;
    email: string;
    name: string;
    password_hash: string;
    administrator: boolean;
    created_at: number;
  };
  setup_links: { only_one: boolean; token_hash: Buffer; created_at: number };
  sessions: { token_hash: Buffer; user_id: string; created_at: number; expires_at: number };
  members: { site_id: string; user_id: string; role: Role; created_at: number };
}

type UserRow = AccountTables['users'];
export interface Session {
  readonly user: User;
  readonly actor: Actor;
}
export type AccountStore = ReturnType<typeof createAccountStore>;

export function createAccountStore(db: Database<AccountTables>) {
  return {
    async hasAdministrator(): Promise<boolean> {
      const found = await db.selectFrom('users').select('user_id').where('administrator', '=', true).executeTakeFirst();
      return found !== undefined;
    },

    /** A new start prints a new link; the old one is void. */
    async replaceSetupLink(tokenHash: Buffer, now: number): Promise<void> {
      await db
        .insertInto('setup_links')
        .values({ only_one: true, token_hash: tokenHash, created_at: now })
        .onConflict((at) => at.column('only_one').doUpdateSet({ token_hash: tokenHash, created_at: now }))
        .execute();
    },

    setupLink: () => db.selectFrom('setup_links').selectAll().executeTakeFirst(),

    /**
     * Uses the set-up link and makes the first administrator in one transaction; false when the link was used in the
     * meantime. `also` runs inside it.
     */
    createFirstAdministrator: (user: UserRow, tokenHash: Buffer): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        const used = await tx.deleteFrom('setup_links').where('token_hash', '=', tokenHash).executeTakeFirst();
        if (used.numDeletedRows !== 1n) return false;
        await tx.insertInto('users').values(user).execute();
        return true;
      }),

    userByEmail: (email: string) =>
      db
        .selectFrom('users')
        .selectAll()
        .where((eb) => eb(eb.fn('lower', ['email']), '=', email.toLowerCase()))
        .executeTakeFirst(),

    async createSession(tokenHash: Buffer, userId: string, now: number, expiresAt: number): Promise<void> {
      await db.deleteFrom('sessions').where('expires_at', '<', now).execute();
      await db
        .insertInto('sessions')
        .values({ token_hash: tokenHash, user_id: userId, created_at: now, expires_at: expiresAt })
        .execute();
    },

    /** Those of these sessions that are open, by their hash in hex. */
    async sessions(tokenHashes: readonly Buffer[], now: number): Promise<Map<string, Session>> {
      if (tokenHashes.length === 0) return new Map();
      const rows = await db
        .selectFrom('sessions')
        .innerJoin('users', 'users.user_id', 'sessions.user_id')
        .leftJoin('members', 'members.user_id', 'users.user_id')
        .select(['token_hash', 'users.user_id', 'email', 'name', 'administrator', 'users.created_at'])
        .select(['site_id', 'role'])
        .where((eb) => eb('token_hash', '=', eb.fn.any(eb.val([...tokenHashes]))))
        .where('expires_at', '>', now)
        .execute();
      const found = new Map<string, Session & { readonly actor: { readonly roles: Map<string, Role> } }>();
      for (const row of rows) {
        const { user_id: userId, administrator, site_id: siteId, role } = row;
        const key = row.token_hash.toString('hex');
        const session = found.get(key) ?? { user: toUser(row), actor: { userId, administrator, roles: new Map() } };
        found.set(key, session);
        if (siteId !== null && role !== null) session.actor.roles.set(siteId, role);
      }
      return found;
    },

    async endSession(tokenHash: Buffer): Promise<void> {
      await db.deleteFrom('sessions').where('token_hash', '=', tokenHash).execute();
    },

    async addMember(siteId: string, userId: string, role: Role, now: number): Promise<void> {
      await db.insertInto('members').values({ site_id: siteId, user_id: userId, role, created_at: now }).execute();
    },

    async isMember(siteId: string, userId: string): Promise<boolean> {
      const row = await db
        .selectFrom('members')
        .select('role')
        .where('user_id', '=', userId)
        .where('site_id', '=', siteId)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}

export function toUser(row: Omit<UserRow, 'password_hash'>): User {
  return {
    userId: row.user_id,
    email: row.email,
    name: row.name,
    administrator: row.administrator,
    createdAt: row.created_at,
  };
}
