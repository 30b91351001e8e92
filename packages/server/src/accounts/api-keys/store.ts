import type { ApiKey } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface ApiKeyTables {
  api_keys: {
    key_id: string;
    key_hash: Buffer;
    site_id: string;
    name: string;
    may_publish: string[];
    may_subscribe: string[];
    created_by: string | null;
    created_at: number;
    expires_at: number;
    last_used_at: number | null;
  };
}
type ApiKeyRow = ApiKeyTables['api_keys'];

export function createApiKeyStore(db: Database<ApiKeyTables>) {
  return {
    /** False when the site has `limit` keys already. */
    async insert(row: ApiKeyRow, limit: number): Promise<boolean> {
      const found = await db
        .selectFrom('api_keys')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('site_id', '=', row.site_id)
        .executeTakeFirstOrThrow();
      if (found.count >= limit) return false;
      await db.insertInto('api_keys').values(row).execute();
      return true;
    },

    async find(keyId: string): Promise<ApiKey | null> {
      const row = await db.selectFrom('api_keys').selectAll().where('key_id', '=', keyId).executeTakeFirst();
      return row === undefined ? null : toApiKey(row);
    },

    async findByHash(hash: Buffer): Promise<ApiKey | null> {
      const row = await db.selectFrom('api_keys').selectAll().where('key_hash', '=', hash).executeTakeFirst();
      return row === undefined ? null : toApiKey(row);
    },

    /** Of these sites; null: of all. Oldest first. */
    async list(only: readonly string[] | null): Promise<ApiKey[]> {
      if (only?.length === 0) return [];
      let query = db.selectFrom('api_keys').selectAll().orderBy('key_id').limit(1_000);
      if (only !== null) query = query.where('site_id', 'in', only);
      return (await query.execute()).map(toApiKey);
    },

    async remove(keyId: string): Promise<void> {
      await db.deleteFrom('api_keys').where('key_id', '=', keyId).execute();
    },

    async used(keyId: string, at: number): Promise<void> {
      await db.updateTable('api_keys').set({ last_used_at: at }).where('key_id', '=', keyId).execute();
    },
  };
}

function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    keyId: row.key_id,
    siteId: row.site_id,
    name: row.name,
    mayPublish: row.may_publish,
    maySubscribe: row.may_subscribe,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
  };
}
