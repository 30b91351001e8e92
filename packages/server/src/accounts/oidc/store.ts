import type { DeploymentRole, Role } from '@muster/contract';
import { sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';

export interface OidcTables {
  user_identities: { issuer: string; subject: string; user_id: string; created_at: number };
  provider_grants: { user_id: string; site_id: string | null; role: Role | DeploymentRole };
  oidc_flows: FlowRow;
}
export interface FlowRow {
  state_hash: Buffer;
  browser_hash: Buffer;
  nonce: string;
  code_verifier: string;
  redirect_uri: string;
  fresh: boolean;
  session_id: string | null;
  session_user_id: string | null;
  expires_at: number;
}
/** What somebody has because of a group. `siteId` null: on the whole server. */
export interface Grant {
  readonly siteId: string | null;
  readonly role: Role | DeploymentRole;
}

export function createOidcStore(db: Database<OidcTables>) {
  return {
    async addFlow(row: FlowRow, now: number): Promise<void> {
      await db.deleteFrom('oidc_flows').where('expires_at', '<', now).execute();
      await db.insertInto('oidc_flows').values(row).execute();
    },

    /** Uses it up; undefined when it is unknown, too old, or was used. */
    takeFlow: (stateHash: Buffer, now: number): Promise<FlowRow | undefined> =>
      db
        .deleteFrom('oidc_flows')
        .where('state_hash', '=', stateHash)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),

    /** Two first sign-ins of the same person come one after the other, until this transaction ends. */
    async lockSubject(issuer: string, subject: string): Promise<void> {
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${JSON.stringify([issuer, subject])}, 0))`.execute(db);
    },

    async userOf(issuer: string, subject: string): Promise<string | undefined> {
      const row = await db
        .selectFrom('user_identities')
        .select('user_id')
        .where('issuer', '=', issuer)
        .where('subject', '=', subject)
        .executeTakeFirst();
      return row?.user_id;
    },

    async isLinked(userId: string, issuer: string): Promise<boolean> {
      const row = await db
        .selectFrom('user_identities')
        .select('subject')
        .where('user_id', '=', userId)
        .where('issuer', '=', issuer)
        .executeTakeFirst();
      return row !== undefined;
    },

    async link(row: OidcTables['user_identities']): Promise<void> {
      await db.insertInto('user_identities').values(row).execute();
    },

    grants: (userId: string): Promise<Grant[]> =>
      db.selectFrom('provider_grants').select(['site_id as siteId', 'role']).where('user_id', '=', userId).execute(),

    async replaceGrants(userId: string, grants: readonly Grant[]): Promise<void> {
      await db.deleteFrom('provider_grants').where('user_id', '=', userId).execute();
      if (grants.length === 0) return;
      await db
        .insertInto('provider_grants')
        .values(grants.map(({ siteId, role }) => ({ user_id: userId, site_id: siteId, role })))
        .execute();
    },
  };
}
export type OidcStore = ReturnType<typeof createOidcStore>;
