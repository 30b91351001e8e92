import type { DeploymentRole, Language, Member, Role, User } from '@muster/contract';
import { sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';

export interface UserTables {
  users: {
    user_id: string;
    email: string;
    email_key: string;
    name: string;
    /** Null: comes from an identity provider only. */
    password_hash: string | null;
    administrator: boolean;
    support: boolean;
    state: 'active' | 'deactivated';
    language: Language;
    created_at: number;
  };
  setup_links: { only_one: boolean; token_hash: Buffer; created_at: number };
  members: { site_id: string; user_id: string; role: Role; created_at: number };
  invitations: {
    invitation_id: string;
    token_hash: Buffer;
    email: string;
    email_key: string;
    site_id: string | null;
    role: Role | null;
    deployment_role: DeploymentRole | null;
    language: Language;
    invited_by: string | null;
    created_at: number;
    expires_at: number;
  };
  account_links: {
    token_hash: Buffer;
    purpose: LinkPurpose;
    user_id: string;
    email: string | null;
    expires_at: number;
  };
}
export type UserRow = UserTables['users'];
export type LinkPurpose = 'password' | 'email';
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

    byEmailKey: (key: string): Promise<UserRow | undefined> =>
      db.selectFrom('users').selectAll().where('email_key', '=', key).executeTakeFirst(),

    byId: (userId: string): Promise<UserRow | undefined> =>
      db.selectFrom('users').selectAll().where('user_id', '=', userId).executeTakeFirst(),

    /** Newest first. */
    list({ search, limit, after }: { search?: string; limit: number; after?: string }): Promise<UserRow[]> {
      let query = db.selectFrom('users').selectAll().orderBy('user_id', 'desc').limit(limit);
      if (after !== undefined) query = query.where('user_id', '<', after);
      if (search !== undefined) {
        const begins = `${search.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
        query = query.where(sql<boolean>`(lower(name) LIKE ${begins} OR email_key LIKE ${begins})`);
      }
      return query.execute();
    },

    change: (userId: string, set: Partial<Omit<UserRow, 'user_id' | 'created_at'>>): Promise<UserRow | undefined> =>
      db.updateTable('users').set(set).where('user_id', '=', userId).returningAll().executeTakeFirst(),

    async delete(userId: string): Promise<boolean> {
      const done = await db.deleteFrom('users').where('user_id', '=', userId).executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    /**
     * Keeps others from changing who may do what until this transaction ends: two owners who demote each other at the
     * same moment come one after the other.
     */
    async lockRights(): Promise<void> {
      await sql`SELECT pg_advisory_xact_lock(${0x7573_6572})`.execute(db);
    },

    async otherAdministrators(userId: string): Promise<number> {
      const { count } = await db
        .selectFrom('users')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('administrator', '=', true)
        .where('state', '=', 'active')
        .where('user_id', '!=', userId)
        .executeTakeFirstOrThrow();
      return count;
    },

    /** Sites whose only active owner is this user. */
    async ownedAlone(userId: string, siteId: string | null): Promise<string[]> {
      let query = db
        .selectFrom('members as own')
        .select('own.site_id')
        .where('own.user_id', '=', userId)
        .where('own.role', '=', 'owner')
        .where(
          sql<boolean>`NOT EXISTS (SELECT FROM members AS other JOIN users USING (user_id)
            WHERE other.site_id = own.site_id AND other.user_id <> own.user_id AND other.role = 'owner'
              AND users.state = 'active')`,
        );
      if (siteId !== null) query = query.where('own.site_id', '=', siteId);
      return (await query.execute()).map((row) => row.site_id);
    },

    /** In place of the role that the user has there. */
    async setMember(siteId: string, userId: string, role: Role, now: number): Promise<void> {
      await db
        .insertInto('members')
        .values({ site_id: siteId, user_id: userId, role, created_at: now })
        .onConflict((at) => at.columns(['user_id', 'site_id']).doUpdateSet({ role }))
        .execute();
    },

    async removeMember(siteId: string, userId: string): Promise<boolean> {
      const done = await db
        .deleteFrom('members')
        .where('site_id', '=', siteId)
        .where('user_id', '=', userId)
        .executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    /** Oldest first. */
    async members(siteId: string, userId?: string): Promise<Member[]> {
      let query = db
        .selectFrom('members')
        .innerJoin('users', 'users.user_id', 'members.user_id')
        .select(['members.user_id', 'email', 'name', 'role', 'state', 'members.created_at'])
        .where('site_id', '=', siteId)
        .orderBy('members.created_at')
        .orderBy('members.user_id');
      if (userId !== undefined) query = query.where('members.user_id', '=', userId);
      const rows = await query.execute();
      return rows.map((row) => ({
        userId: row.user_id,
        email: row.email,
        name: row.name,
        role: row.role,
        state: row.state,
        since: row.created_at,
      }));
    },

    memberships: (userId: string) =>
      db.selectFrom('members').select(['site_id as siteId', 'role']).where('user_id', '=', userId).execute(),

    async addLink(row: UserTables['account_links'], now: number): Promise<void> {
      await db.deleteFrom('account_links').where('expires_at', '<', now).execute();
      // a new link makes those before void
      await db
        .deleteFrom('account_links')
        .where('user_id', '=', row.user_id)
        .where('purpose', '=', row.purpose)
        .execute();
      await db.insertInto('account_links').values(row).execute();
    },

    /** Uses a link up; undefined when it is unknown, too old, or was used. */
    takeLink: (tokenHash: Buffer, purpose: LinkPurpose, now: number) =>
      db
        .deleteFrom('account_links')
        .where('token_hash', '=', tokenHash)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),

    async dropLinks(userId: string): Promise<void> {
      await db.deleteFrom('account_links').where('user_id', '=', userId).execute();
    },
  };
}

export function toUser(row: Omit<UserRow, 'password_hash' | 'email_key'>): User {
  return {
    userId: row.user_id,
    email: row.email,
    name: row.name,
    administrator: row.administrator,
    support: row.support,
    state: row.state,
    language: row.language,
    createdAt: row.created_at,
  };
}
