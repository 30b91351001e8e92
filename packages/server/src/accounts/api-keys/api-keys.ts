import { type ApiKey, type ApiKeyCreate, type ApiKeyCreated, MusterError } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import type { Program } from '../permissions.ts';
import { type ApiKeyTables, createApiKeyStore } from './store.ts';

/** Keys of programs. Each is of one site and reaches the MQTT topics of its filters only. */
export interface ApiKeys {
  /** QUOTA_EXCEEDED past 100 keys of a site. The secret is nowhere else: only its hash is stored. */
  create(wanted: ApiKeyCreate, userId: string | null): Promise<ApiKeyCreated>;
  /** NOT_FOUND when there is no such key. */
  get(keyId: string): Promise<ApiKey>;
  /** Of these sites; null: of all. */
  list(only: readonly string[] | null): Promise<readonly ApiKey[]>;
  /** The key is void at once, and connections that it opened end. */
  remove(keyId: string): Promise<void>;
  /** What the program with this secret may do over HTTP, asked from this address; null when it is nobody's, or too old. */
  actor(secret: string, address: string): Promise<{ readonly actor: Program; readonly name: string } | null>;
  /** Whose secret this is; null when it is nobody's, or too old. */
  authenticate(secret: string): Promise<ApiKey | null>;
}

/** So that a leaked secret does not look like any text, and is found by tools that look for secrets. */
export const KEY_PREFIX = 'muster_';
const DAYS = 90;
const DAY_MS = 86_400_000;
const MOST_KEYS = 100;
/** `lastUsedAt` is written no more often, ms. */
const USED_EVERY_MS = 60_000;

export function createApiKeys(deps: {
  readonly db: Database<ApiKeyTables>;
  readonly clock: Clock;
  readonly bus: Bus;
}): ApiKeys {
  const { clock } = deps;
  const store = createApiKeyStore(deps.db);

  async function get(keyId: string): Promise<ApiKey> {
    const key = await store.find(keyId);
    if (key === null) throw new MusterError('NOT_FOUND', { keyId });
    return key;
  }

  return {
    get,
    list: (only) => store.list(only),

    async create({ siteId, name, mayPublish = [], maySubscribe = [], days = DAYS }, userId) {
      const filters = [...mayPublish, ...maySubscribe];
      if (filters.length === 0) {
        throw new MusterError(
          'REQUEST_INVALID',
          {},
          { say: 'A key needs a topic that it may publish or subscribe to.' },
        );
      }
      const wrong = filters.find((filter) => !isFilter(filter));
      if (wrong !== undefined) {
        const say = `${wrong} is no topic filter: + stands for one whole level, # for the rest, at the end only.`;
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      const now = clock.now();
      const secret = KEY_PREFIX + newSecret();
      const row = {
        key_id: newId(now),
        key_hash: hashSecret(secret),
        site_id: siteId,
        name: name.trim(),
        may_publish: [...mayPublish],
        may_subscribe: [...maySubscribe],
        created_by: userId,
        created_at: now,
        expires_at: now + days * DAY_MS,
        last_used_at: null,
      };
      if (!(await store.insert(row, MOST_KEYS))) throw new MusterError('QUOTA_EXCEEDED', { siteId, limit: MOST_KEYS });
      return { key: await get(row.key_id), secret };
    },

    async remove(keyId) {
      await store.remove(keyId);
      deps.bus.publish('apiKey.removed', { keyId });
    },

    async actor(secret) {
      const key = await authenticate(secret);
      if (key === null) return null;
      return { name: key.name, actor: { kind: 'key', keyId: key.keyId, siteId: key.siteId, actions: new Set() } };
    },

    authenticate,
  };

  async function authenticate(secret: string): Promise<ApiKey | null> {
    if (!secret.startsWith(KEY_PREFIX)) return null;
    const key = await store.findByHash(hashSecret(secret));
    const now = clock.now();
    if (key === null || key.expiresAt <= now) return null;
    if (now - (key.lastUsedAt ?? 0) > USED_EVERY_MS) await store.used(key.keyId, now);
    return key;
  }
}

/** MQTT 3.1.1, section 4.7: the wildcards stand where they may. */
function isFilter(filter: string): boolean {
  const levels = filter.split('/');
  return levels.every(
    (level, at) => level === '+' || (level === '#' && at === levels.length - 1) || !/[+#\p{Cc}]/u.test(level),
  );
}
