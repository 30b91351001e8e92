import type { Pool } from 'pg';
import type { MessageProperties, OutgoingMessage, RoutedMessage } from './messages.ts';
import type { Session, SessionOwner, Subscription } from './session.ts';

/** A session as it is kept while it has no connection. */
export interface KeptSession {
  readonly key: string;
  readonly clientId: string;
  readonly owner: SessionOwner;
  readonly subscriptions: readonly Subscription[];
  readonly keepMs: number;
  readonly expiresAt: number;
  /** Messages kept for it. */
  readonly messages: number;
}

/** What must outlive a connection or this process. Nothing here is on the way of a message that nobody waits for. */
export interface MqttStore {
  /** All that are kept: read once, at start. */
  sessions(now: number): Promise<readonly KeptSession[]>;
  /** One of them; null when there is none. */
  session(key: string, now: number): Promise<KeptSession | null>;
  /** Messages kept for a session, oldest first. */
  queue(key: string, now: number): Promise<OutgoingMessage[]>;
  /** The session with its subscriptions, as it is now. `expiresAt`: epoch ms. */
  save(session: Session, expiresAt: number): Promise<void>;
  drop(key: string): Promise<void>;
  /** Sessions in use: their rows stay until `from` (epoch ms) and as long as they are kept. */
  touch(keys: readonly string[], from: number): Promise<void>;
  /** Keeps a message for each session and gives their rows, in the same order; null for a session that is gone. */
  enqueue(keys: readonly string[], messages: readonly OutgoingMessage[]): Promise<readonly (number | null)[]>;
  /** Leaves the newest `limit` messages of each session. */
  trim(keys: readonly string[], limit: number): Promise<void>;
  dequeue(rows: readonly number[]): Promise<void>;
  /** False when the device has `limit` retained topics already. */
  retain(message: RoutedMessage, limit: number): Promise<boolean>;
  clearRetained(deviceId: string, rest: string): Promise<void>;
  /** Retained messages of a device, or of every device of a site, by device and topic: at most 100 after the one given. */
  retained(
    of: { readonly deviceId: string } | { readonly siteId: string },
    now: number,
    after: Pick<RoutedMessage, 'deviceId' | 'rest'> | null,
  ): Promise<readonly RoutedMessage[]>;
  /** Those of these keys of operators that are gone or too old. */
  voidKeys(keyIds: readonly string[], now: number): Promise<readonly string[]>;
  prune(now: number): Promise<void>;
}

/** Retained messages that are read together: each may be as large as a message. */
export const RETAINED_PAGE = 100;

interface QueueRow {
  readonly row_id: number;
  readonly topic: string;
  readonly payload: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly properties: StoredProperties | null;
  readonly subscription_ids: number[];
  readonly expires_at: number | null;
}

/** Properties as JSON: the only bytes among them, the correlation data, as base64. */
type StoredProperties = Omit<MessageProperties, 'correlationData'> & {
  readonly correlationData?: string;
};

export function createMqttStore(pool: Pool): MqttStore {
  async function queueOf(key: string, now: number): Promise<OutgoingMessage[]> {
    const { rows } = await pool.query<QueueRow>(
      `SELECT row_id, topic, payload, qos, properties, subscription_ids, expires_at FROM mqtt_queue
       WHERE session_key = $1 AND (expires_at IS NULL OR expires_at > $2) ORDER BY row_id`,
      [key, now],
    );
    return rows.map((row) => ({
      topic: row.topic,
      payload: row.payload,
      qos: row.qos,
      retain: false,
      properties: toProperties(row.properties),
      subscriptionIds: row.subscription_ids,
      expiresAt: row.expires_at,
      row: row.row_id,
    }));
  }

  async function sessionsOf(where: string, values: readonly unknown[]): Promise<KeptSession[]> {
    const { rows } = await pool.query<{
      session_key: string;
      client_id: string;
      device_id: string | null;
      key_id: string | null;
      site_id: string;
      subscriptions: Subscription[];
      keep_ms: number;
      expires_at: number;
      may_subscribe: string[] | null;
      messages: number;
    }>(
      `SELECT session_key, client_id, device_id, key_id, one.site_id, subscriptions, keep_ms, one.expires_at, may_subscribe,
         (SELECT count(*) FROM mqtt_queue AS message WHERE message.session_key = one.session_key) AS messages
       FROM mqtt_sessions AS one LEFT JOIN api_keys AS key USING (key_id)
       WHERE one.expires_at > $1 AND (key_id IS NULL OR key.expires_at > $1) ${where}`,
      [...values],
    );
    return rows.map((row) => ({
      key: row.session_key,
      clientId: row.client_id,
      owner:
        row.device_id === null
          ? { kind: 'operator', keyId: row.key_id ?? '', siteId: row.site_id, maySubscribe: row.may_subscribe ?? [] }
          : { kind: 'device', deviceId: row.device_id, siteId: row.site_id },
      subscriptions: row.subscriptions,
      keepMs: row.keep_ms,
      expiresAt: row.expires_at,
      messages: row.messages,
    }));
  }

  return {
    queue: queueOf,
    sessions: (now) => sessionsOf('ORDER BY session_key', [now]),
    session: async (key, now) => (await sessionsOf('AND session_key = $2', [now, key]))[0] ?? null,
    async save(session, expiresAt) {
      const { key, owner, clientId } = session;
      const device = owner.kind === 'device' ? owner.deviceId : null;
      const apiKey = owner.kind === 'operator' ? owner.keyId : null;
      const subscriptions = JSON.stringify(
        [...session.subscriptions.values()].map(({ filter, qos, noLocal, retainAsPublished, id }) => ({
          filter,
          qos,
          noLocal,
          retainAsPublished,
          id,
        })),
      );
      await pool.query(
        `INSERT INTO mqtt_sessions (session_key, client_id, device_id, key_id, site_id, subscriptions, keep_ms, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (session_key) DO UPDATE SET subscriptions = EXCLUDED.subscriptions, keep_ms = EXCLUDED.keep_ms,
           expires_at = EXCLUDED.expires_at`,
        [key, clientId, device, apiKey, owner.siteId, subscriptions, session.keepMs, expiresAt],
      );
      session.stored = true;
    },
    async drop(key) {
      await pool.query('DELETE FROM mqtt_sessions WHERE session_key = $1', [key]);
    },
    async touch(keys, from) {
      await pool.query('UPDATE mqtt_sessions SET expires_at = $2 + keep_ms WHERE session_key = ANY($1)', [keys, from]);
    },
    async trim(keys, limit) {
      await pool.query(
        `DELETE FROM mqtt_queue WHERE row_id IN (
           SELECT row_id FROM (
             SELECT row_id, row_number() OVER (PARTITION BY session_key ORDER BY row_id DESC) AS nth
             FROM mqtt_queue WHERE session_key = ANY($1)
           ) AS numbered WHERE nth > $2)`,
        [keys, limit],
      );
    },
    async enqueue(keys, messages) {
      const { rows } = await pool.query<{ row_id: number; session_key: string }>(
        `INSERT INTO mqtt_queue (session_key, topic, payload, qos, properties, subscription_ids, expires_at)
         SELECT session_key, topic, payload, qos, properties, ARRAY(SELECT jsonb_array_elements_text(ids)::int), expiry
         FROM unnest($1::text[], $2::text[], $3::bytea[], $4::int[], $5::jsonb[], $6::jsonb[], $7::bigint[])
           WITH ORDINALITY AS one (session_key, topic, payload, qos, properties, ids, expiry, nth)
         WHERE EXISTS (SELECT FROM mqtt_sessions AS known WHERE known.session_key = one.session_key)
         ORDER BY nth RETURNING row_id, session_key`,
        [
          keys,
          messages.map(({ topic }) => topic),
          messages.map(({ payload }) => payload),
          messages.map(({ qos }) => qos),
          messages.map(({ properties }) => (properties === null ? null : JSON.stringify(fromProperties(properties)))),
          messages.map(({ subscriptionIds }) => JSON.stringify(subscriptionIds)),
          messages.map(({ expiresAt }) => expiresAt),
        ],
      );
      // in their order, without those of sessions that are gone
      let at = 0;
      return keys.map((key) => {
        const row = rows[at];
        if (row?.session_key !== key) return null;
        at += 1;
        return row.row_id;
      });
    },
    async dequeue(rows) {
      await pool.query('DELETE FROM mqtt_queue WHERE row_id = ANY($1)', [rows]);
    },
    async retain({ deviceId, siteId, rest, payload, qos, properties, expiresAt }, limit) {
      const stored = properties === null ? null : JSON.stringify(fromProperties(properties));
      const { rowCount } = await pool.query(
        `INSERT INTO mqtt_retained (device_id, rest, site_id, payload, qos, properties, expires_at)
         SELECT $1::uuid, $2, $3::uuid, $4::bytea, $5::smallint, $6::jsonb, $7::bigint
         WHERE (SELECT count(*) FROM mqtt_retained WHERE device_id = $1::uuid AND rest <> $2) < $8
         ON CONFLICT (device_id, rest) DO UPDATE SET payload = EXCLUDED.payload, qos = EXCLUDED.qos,
           properties = EXCLUDED.properties, expires_at = EXCLUDED.expires_at`,
        [deviceId, rest, siteId, payload, qos, stored, expiresAt, limit],
      );
      return rowCount === 1;
    },
    async clearRetained(deviceId, rest) {
      await pool.query('DELETE FROM mqtt_retained WHERE device_id = $1 AND rest = $2', [deviceId, rest]);
    },
    async retained(of, now, after) {
      const [column, id] = 'deviceId' in of ? ['device_id', of.deviceId] : ['site_id', of.siteId];
      const { rows } = await pool.query<{
        device_id: string;
        site_id: string;
        rest: string;
        payload: Buffer;
        qos: 0 | 1 | 2;
        properties: StoredProperties | null;
        expires_at: number | null;
      }>(
        `SELECT device_id, site_id, rest, payload, qos, properties, expires_at FROM mqtt_retained
         WHERE ${column} = $1 AND (expires_at IS NULL OR expires_at > $2)
           AND ($3::uuid IS NULL OR (device_id, rest) > ($3, $4)) ORDER BY device_id, rest LIMIT ${RETAINED_PAGE}`,
        [id, now, after?.deviceId ?? null, after?.rest ?? ''],
      );
      return rows.map((row) => ({
        deviceId: row.device_id,
        siteId: row.site_id,
        rest: row.rest,
        payload: row.payload,
        qos: row.qos,
        retain: true,
        properties: toProperties(row.properties),
        expiresAt: row.expires_at,
        from: null,
      }));
    },
    async voidKeys(keyIds, now) {
      const { rows } = await pool.query<{ key_id: string }>(
        `SELECT key_id FROM unnest($1::uuid[]) AS used (key_id)
         WHERE NOT EXISTS (SELECT FROM api_keys AS known WHERE known.key_id = used.key_id AND known.expires_at > $2)`,
        [keyIds, now],
      );
      return rows.map((row) => row.key_id);
    },
    async prune(now) {
      await pool.query('DELETE FROM mqtt_sessions WHERE expires_at <= $1', [now]);
      await pool.query('DELETE FROM mqtt_queue WHERE expires_at <= $1', [now]);
      await pool.query('DELETE FROM mqtt_retained WHERE expires_at <= $1', [now]);
    },
  };
}

function fromProperties(properties: MessageProperties): StoredProperties {
  const { correlationData, ...rest } = properties;
  return correlationData === undefined ? rest : { ...rest, correlationData: correlationData.toString('base64') };
}

function toProperties(stored: StoredProperties | null): MessageProperties | null {
  if (stored === null) return null;
  const { correlationData, ...rest } = stored;
  return correlationData === undefined ? rest : { ...rest, correlationData: Buffer.from(correlationData, 'base64') };
}
