import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';

export interface PresenceTables {
  servers: { server_id: string; seen_at: number };
  device_presence: { device_id: string; server_id: string; since_at: number };
}

/** A server that was silent for so long is dead and what it held is void, ms: three of its beats. */
export const DEAD_MS = 6_000;
/** One statement touches at most so many devices. */
const BATCH = 1_000;

/** The database's clock for every server, so that theirs may differ. Epoch ms. */
const now = sql<number>`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;

/** The living server that holds the device of the row `devices`, or null. */
export function holder(): RawBuilder<string | null> {
  return sql`(SELECT device_presence.server_id FROM device_presence JOIN servers USING (server_id)
    WHERE device_presence.device_id = devices.device_id AND servers.seen_at > ${now} - ${sql.lit(DEAD_MS)})`;
}

/** Whether a living server holds the device of the row `devices`. */
export function isConnected(): RawBuilder<SqlBool> {
  return sql`(${holder()} IS NOT NULL)`;
}

export function createPresenceStore(db: Database<PresenceTables>, serverId: string) {
  return {
    batch: BATCH,

    async beat(): Promise<void> {
      await sql`INSERT INTO servers (server_id, seen_at) VALUES (${serverId}, ${now})
        ON CONFLICT (server_id) DO UPDATE SET seen_at = EXCLUDED.seen_at`.execute(db);
    },

    /** These devices are connected here: whoever says so last is right. In one order, so that servers never lock each other. */
    async take(deviceIds: readonly string[]): Promise<void> {
      await sql`INSERT INTO device_presence (device_id, server_id, since_at)
        SELECT device_id, ${serverId}::uuid, ${now} FROM devices WHERE device_id = ANY(${[...deviceIds]}::uuid[])
        ORDER BY device_id
        ON CONFLICT (device_id) DO UPDATE SET server_id = EXCLUDED.server_id, since_at = EXCLUDED.since_at`.execute(db);
    },

    /** These devices are not connected here. What another server holds stays. */
    async leave(deviceIds: readonly string[]): Promise<void> {
      await sql`DELETE FROM device_presence
        WHERE device_id = ANY(${[...deviceIds]}::uuid[]) AND server_id = ${serverId}`.execute(db);
    },

    /** Of these devices, those that a living server other than this one holds. */
    async heldElsewhere(deviceIds: readonly string[]): Promise<string[]> {
      const { rows } = await sql<{
        device_id: string;
      }>`SELECT device_id FROM device_presence JOIN servers USING (server_id)
        WHERE device_id = ANY(${[...deviceIds]}::uuid[]) AND server_id <> ${serverId}
          AND seen_at > ${now} - ${sql.lit(DEAD_MS)}`.execute(db);
      return rows.map((row) => row.device_id);
    },

    /** Of these devices, those that no row says this server holds. */
    async notHeldHere(deviceIds: readonly string[]): Promise<string[]> {
      const { rows } = await sql<{
        device_id: string;
      }>`SELECT device_id FROM unnest(${[...deviceIds]}::uuid[]) AS device_id
        WHERE NOT EXISTS (SELECT FROM device_presence AS held
          WHERE held.device_id = device_id AND held.server_id = ${serverId})`.execute(db);
      return rows.map((row) => row.device_id);
    },

    /** Of these devices, those that may not be connected any more. */
    async revoked(deviceIds: readonly string[]): Promise<string[]> {
      const { rows } = await sql<{ device_id: string }>`SELECT device_id FROM devices
        WHERE device_id = ANY(${[...deviceIds]}::uuid[]) AND state = 'revoked'`.execute(db);
      return rows.map((row) => row.device_id);
    },

    /** Forgets what dead servers held: a batch of it, each device told to one caller only. */
    async bury(): Promise<{ readonly deviceId: string; readonly siteId: string; readonly expected: boolean }[]> {
      const { rows } = await sql<{ deviceId: string; siteId: string; expected: boolean }>`
        WITH gone AS (
          SELECT device_id FROM device_presence WHERE NOT EXISTS (
            SELECT FROM servers WHERE servers.server_id = device_presence.server_id
              AND seen_at > ${now} - ${sql.lit(DEAD_MS)})
          LIMIT ${sql.lit(BATCH)} FOR UPDATE SKIP LOCKED),
        dropped AS (DELETE FROM device_presence USING gone WHERE device_presence.device_id = gone.device_id
          RETURNING device_presence.device_id)
        SELECT device_id AS "deviceId", site_id AS "siteId", keeps_connection IS NOT TRUE AS expected
        FROM dropped JOIN devices USING (device_id)`.execute(db);
      // their rows say nothing any more
      await sql`DELETE FROM servers WHERE seen_at < ${now} - ${sql.lit(10 * DEAD_MS)}`.execute(db);
      return rows;
    },

    /** This server ends as it should: what it held is void at once. */
    async end(): Promise<void> {
      await sql`DELETE FROM device_presence WHERE server_id = ${serverId}`.execute(db);
      await sql`DELETE FROM servers WHERE server_id = ${serverId}`.execute(db);
    },

    /**
     * When devices were last seen, and whether they keep their connection; a clock that went back changes nothing. Of
     * what another server holds it is that server who says how.
     */
    async seen(devices: ReadonlyMap<string, boolean>, at: number): Promise<void> {
      await sql`UPDATE devices SET last_seen_at = greatest(last_seen_at, ${at}::bigint),
          keeps_connection = CASE WHEN EXISTS (SELECT FROM device_presence AS held
            WHERE held.device_id = devices.device_id AND held.server_id <> ${serverId})
            THEN keeps_connection ELSE told.keeps END
        FROM unnest(${[...devices.keys()]}::uuid[], ${[...devices.values()]}::boolean[]) AS told (device_id, keeps)
        WHERE devices.device_id = told.device_id AND
          (last_seen_at IS NULL OR last_seen_at < ${at} OR keeps_connection IS DISTINCT FROM told.keeps)`.execute(db);
    },

    /**
     * These devices spoke, and not over a connection. Gives those that nobody holds and that were not known to speak
     * so: from now on they need no connection.
     */
    async heard(
      deviceIds: readonly string[],
      at: number,
    ): Promise<{ readonly deviceId: string; readonly siteId: string }[]> {
      const { rows } = await sql<{ deviceId: string; siteId: string }>`
        UPDATE devices SET keeps_connection = false
        WHERE device_id = ANY(${[...deviceIds]}::uuid[]) AND keeps_connection IS DISTINCT FROM false
          AND NOT EXISTS (SELECT FROM device_presence AS held WHERE held.device_id = devices.device_id)
        RETURNING device_id AS "deviceId", site_id AS "siteId"`.execute(db);
      await sql`UPDATE devices SET last_seen_at = ${at} WHERE device_id = ANY(${[...deviceIds]}::uuid[])
        AND (last_seen_at IS NULL OR last_seen_at < ${at})`.execute(db);
      return rows;
    },

    /** The same for every device that is connected here. */
    async seenAll(at: number): Promise<void> {
      await sql`UPDATE devices SET last_seen_at = ${at} FROM device_presence
        WHERE device_presence.device_id = devices.device_id AND server_id = ${serverId}
          AND (last_seen_at IS NULL OR last_seen_at < ${at})`.execute(db);
    },
  };
}
