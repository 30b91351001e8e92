import { type ApiKey, type ApiKeyCreate, type ApiKeyCreated, MusterError } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Database, outsideUnit } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import type { Actor, Program } from '../permissions.ts';
import { checkActions, checkNetworks, isFrom } from './scope.ts';
import { type ApiKeyTables, createApiKeyStore } from './store.ts';

/** Keys of programs. Each is of one site, or of the server, and does what it was made for. */
export interface ApiKeys {
  /**
   * REQUEST_INVALID for what a key cannot do, FORBIDDEN for what its maker may not, QUOTA_EXCEEDED past 100 keys of a
   * site. The secret is nowhere else: only its hash is stored.
   */
  create(wanted: ApiKeyCreate, maker: Actor): Promise<ApiKeyCreated>;
  /** NOT_FOUND when there is no such key. */
  get(keyId: string): Promise<ApiKey>;
  /** Of a site; null: those of the server. */
  list(siteId: string | null): Promise<readonly ApiKey[]>;
  /** The key is void at once, and connections that it opened end. */
  remove(keyId: string): Promise<void>;
  /** Whose secret this is; null when it is nobody's, too old, or used from where it may not be. */
  authenticate(secret: string, address: string): Promise<ApiKey | null>;
}

/** What a key may do. */
export const programOf = ({ keyId, siteId, actions }: ApiKey): Program => ({
  kind: 'key',
  keyId,
  siteId,
  actions: new Set(actions),
});

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
  const byHash = createGather(store.findByHashes);

  async function get(keyId: string): Promise<ApiKey> {
    const key = await store.find(keyId);
    if (key === null) throw new MusterError('NOT_FOUND', { keyId });
    return key;
  }

  return {
    get,
    list: (siteId) => store.list(siteId),

    async create(
      { siteId, name, actions = [], addresses = [], mayPublish = [], maySubscribe = [], days = DAYS },
      maker,
    ) {
      const now = clock.now();
      const filters = [...mayPublish, ...maySubscribe];
      if (filters.length + actions.length === 0) {
        const say = 'A key needs an action that it may do, or a topic that it may publish or subscribe to.';
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      const wrong = filters.find((filter) => !isFilter(filter));
      if (wrong !== undefined) {
        const say = `${wrong} is no topic filter: + stands for one whole level, # for the rest, at the end only.`;
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      if (siteId === null && filters.length > 0) {
        throw new MusterError('REQUEST_INVALID', {}, { say: 'Topics are of a site: make the key for one.' });
      }
      checkNetworks(addresses);
      checkActions(actions, siteId, maker, now);
      const secret = KEY_PREFIX + newSecret();
      const row = {
        key_id: newId(now),
        key_hash: hashSecret(secret),
        site_id: siteId,
        name: name.trim(),
        actions: [...new Set(actions)].sort(),
        addresses: [...addresses],
        may_publish: [...mayPublish],
        may_subscribe: [...maySubscribe],
        created_by: maker.kind === 'user' ? maker.userId : null,
        created_at: now,
        expires_at: now + days * DAY_MS,
        last_used_at: null,
        last_used_from: null,
      };
      if (!(await store.insert(row, MOST_KEYS))) throw new MusterError('QUOTA_EXCEEDED', { siteId, limit: MOST_KEYS });
      return { key: await get(row.key_id), secret };
    },

    async remove(keyId) {
      await store.remove(keyId);
      deps.bus.publish('apiKey.removed', { keyId });
    },

    async authenticate(secret, address) {
      if (!secret.startsWith(KEY_PREFIX)) return null;
      const key = await byHash(hashSecret(secret).toString('hex'));
      const now = clock.now();
      if (key === undefined || key.expiresAt <= now || !isFrom(key.addresses, address)) return null;
      if (now - (key.lastUsedAt ?? 0) > USED_EVERY_MS) await outsideUnit(() => store.used(key.keyId, now, address));
      return key;
    },
  };
}

/** MQTT 3.1.1, section 4.7: the wildcards stand where they may. */
function isFilter(filter: string): boolean {
  const levels = filter.split('/');
  return levels.every(
    (level, at) => level === '+' || (level === '#' && at === levels.length - 1) || !/[+#\p{Cc}]/u.test(level),
  );
}
