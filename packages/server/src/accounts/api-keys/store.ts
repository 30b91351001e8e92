import type { ApiKey } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface ApiKeyTables {
  api_keys: {
    key_id: string;
    key_hash: Buffer;
    site_id: string | null;
    name: string;
    actions: string[];
    addresses: string[];
    may_publish: string[];
    may_subscribe: string[];
    created_by: string | null;
    created_at: number;
    expires_at: number;
    last_used_at: number | null;
    last_used_from: string | null;
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
        .where('site_id', row.site_id === null ? 'is' : '=', row.site_id)
        .executeTakeFirstOrThrow();
      if (found.count >= limit) return false;
      await db.insertInto('api_keys').values(row).execute();
      return true;
    },

    async find(keyId: string): Promise<ApiKey | null> {
      const row = await db.selectFrom('api_keys').selectAll().where('key_id', '=', keyId).executeTakeFirst();
      return row === undefined ? null : toApiKey(row);
    },

    /** By their hash in hex. */
    async findByHashes(hashes: readonly string[]): Promise<Map<string, ApiKey>> {
      const bytes = hashes.map((hash) => Buffer.from(hash, 'hex'));
      const rows = await db
        .selectFrom('api_keys')
        .selectAll()
        .where((eb) => eb('key_hash', '=', eb.fn.any(eb.val(bytes))))
        .execute();
      return new Map(rows.map((row) => [row.key_hash.toString('hex'), toApiKey(row)]));
    },

    /** Of a site; null: of the server. Oldest first. */
    async list(siteId: string | null): Promise<ApiKey[]> {
      const rows = await db
        .selectFrom('api_keys')
        .selectAll()
        .where('site_id', siteId === null ? 'is' : '=', siteId)
        .orderBy('key_id')
        .execute();
      return rows.map(toApiKey);
    },

    async remove(keyId: string): Promise<void> {
      await db.deleteFrom('api_keys').where('key_id', '=', keyId).execute();
    },

    async used(keyId: string, at: number, from: string): Promise<void> {
      await db
        .updateTable('api_keys')
        .set({ last_used_at: at, last_used_from: from })
        .where('key_id', '=', keyId)
        .execute();
    },
  };
}

function toApiKey(row: ApiKeyRow): ApiKey {
  return {
    keyId: row.key_id,
    siteId: row.site_id,
    name: row.name,
    actions: row.actions,
    addresses: row.addresses,
    mayPublish: row.may_publish,
    maySubscribe: row.may_subscribe,
    createdAt: row.created_at,
    expiresAt: row.expires_at,
    lastUsedAt: row.last_used_at,
    lastUsedFrom: row.last_used_from,
  };
}
