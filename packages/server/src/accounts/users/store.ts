import type { Role, User } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface UserTables {
  users: {
    user_id: string;
    email: string;
    name: string;
    password_hash: string;
    administrator: boolean;
    support: boolean;
    state: 'active' | 'deactivated';
    language: string;
    created_at: number;
  };
  setup_links: { only_one: boolean; token_hash: Buffer; created_at: number };
  members: { site_id: string; user_id: string; role: Role; created_at: number };
}
export type UserRow = UserTables['users'];
export type UserStore = ReturnType<typeof createUserStore>;

export function createUserStore(db: Database<UserTables>) {
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

    /** Uses the set-up link; false when it was used in the meantime. */
    async useSetupLink(tokenHash: Buffer): Promise<boolean> {
      const used = await db.deleteFrom('setup_links').where('token_hash', '=', tokenHash).executeTakeFirst();
      return used.numDeletedRows === 1n;
    },

    async insert(user: UserRow): Promise<void> {
      await db.insertInto('users').values(user).execute();
    },

    byEmail: (email: string): Promise<UserRow | undefined> =>
      db
        .selectFrom('users')
        .selectAll()
        .where((eb) => eb(eb.fn('lower', ['email']), '=', email.toLowerCase()))
        .executeTakeFirst(),

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
    support: row.support,
    state: row.state,
    language: row.language as User['language'],
    createdAt: row.created_at,
  };
}
