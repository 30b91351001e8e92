import type { ErrorCode, RotationState } from '@muster/contract';
import { sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';

export interface RotationRow {
  rotation_id: string;
  device_id: string;
  token_hash: Buffer;
  sealed_token: Buffer | null;
  state: RotationState;
  to_person: boolean;
  job_id: string | null;
  fault: string | null;
  created_at: number;
  grace_ends_at: number;
  told_at: number | null;
  ended_at: number | null;
}

export interface CredentialTables {
  token_rotations: RotationRow;
  device_tokens: {
    token_hash: Buffer;
    device_id: string;
    created_at: number;
    last_used_at: number | null;
    ends_at: number | null;
  };
  credential_ends: { end_id: number; token_hash: Buffer; device_id: string | null; code: ErrorCode; ended_at: number };
  devices: {
    device_id: string;
    hmac_key: Buffer | null;
    state: string;
    created_at: number;
    quarantined_at: number | null;
    quarantine_reason: string | null;
  };
  device_presence: { device_id: string; server_id: string };
}

/** A token that ended: `hash` is what is stored of it, in hex. */
export interface EndedToken {
  readonly endId: number;
  readonly hash: string;
  /** Null: its device is gone too. */
  readonly deviceId: string | null;
  readonly code: ErrorCode;
}

/** Uses of a token are written at most so often, ms. */
const USE_MS = 60_000;

export type CredentialStore = ReturnType<typeof createCredentialStore>;

/** The database's clock for every server. Epoch ms. */
const databaseNow = sql<number>`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`;

export function createCredentialStore(db: Database<CredentialTables>) {
  const isOpen = sql<boolean>`state IN ('waiting', 'told')`;

  return {
    rotation: (rotationId: string) =>
      db.selectFrom('token_rotations').selectAll().where('rotation_id', '=', rotationId).executeTakeFirst(),

    /** The last of each of these devices that goes on, by the device. */
    async open(deviceIds: readonly string[]): Promise<Map<string, RotationRow>> {
      const rows = await db
        .selectFrom('token_rotations')
        .selectAll()
        .where(sql<boolean>`device_id = ANY(${[...deviceIds]}::uuid[])`)
        .where(isOpen)
        .execute();
      return new Map(rows.map((row) => [row.device_id, row]));
    },

    last: (deviceId: string) =>
      db
        .selectFrom('token_rotations')
        .selectAll()
        .where('device_id', '=', deviceId)
        .orderBy('rotation_id', 'desc')
        .limit(1)
        .executeTakeFirst(),

    tokens: (deviceId: string) =>
      db
        .selectFrom('device_tokens')
        .selectAll()
        .where('device_id', '=', deviceId)
        .orderBy('created_at', 'desc')
        .execute(),

    /** When the device has a key of its own: that it has, and since when it is known. */
    keyedSince: async (deviceId: string): Promise<number | null> =>
      (
        await db
          .selectFrom('devices')
          .select('created_at')
          .where('device_id', '=', deviceId)
          .where('hmac_key', 'is not', null)
          .executeTakeFirst()
      )?.created_at ?? null,

    /** The tokens of the device end with the grace; the new one works from now on. A violation of token_rotations_open: one goes on. */
    begin: (row: RotationRow): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx.insertInto('token_rotations').values(row).execute();
        await tx
          .updateTable('device_tokens')
          .set({ ends_at: row.grace_ends_at })
          .where('device_id', '=', row.device_id)
          .execute();
        await tx
          .insertInto('device_tokens')
          .values({
            token_hash: row.token_hash,
            device_id: row.device_id,
            created_at: row.created_at,
            last_used_at: null,
            ends_at: null,
          })
          .execute();
      }),

    /** The new token was used: those before it end. False when the rotation is over already. */
    confirm: (rotationId: string, now: number): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        const row = await tx
          .updateTable('token_rotations')
          .set({ state: 'confirmed', ended_at: now, sealed_token: null })
          .where('rotation_id', '=', rotationId)
          .where(isOpen)
          .returning('device_id')
          .executeTakeFirst();
        if (row === undefined) return false;
        await tx
          .deleteFrom('device_tokens')
          .where('device_id', '=', row.device_id)
          .where('ends_at', 'is not', null)
          .execute();
        return true;
      }),

    /** The new token ends and those before it go on. Undefined when there is nothing under way. */
    giveUp: (
      of: { readonly deviceId: string; readonly rotationId?: string },
      state: 'cancelled' | 'refused',
      fault: string | null,
      now: number,
    ): Promise<RotationRow | undefined> =>
      db.transaction().execute(async (tx) => {
        let query = tx
          .updateTable('token_rotations')
          .set({ state, fault, ended_at: now, sealed_token: null })
          .where('device_id', '=', of.deviceId)
          .where(isOpen);
        if (of.rotationId !== undefined) query = query.where('rotation_id', '=', of.rotationId);
        const row = await query.returningAll().executeTakeFirst();
        if (row === undefined) return undefined;
        await tx.deleteFrom('device_tokens').where('token_hash', '=', row.token_hash).execute();
        await tx.updateTable('device_tokens').set({ ends_at: null }).where('device_id', '=', row.device_id).execute();
        return row;
      }),

    /** The device was written its new token. */
    async told(rotationId: string, now: number): Promise<void> {
      await db
        .updateTable('token_rotations')
        .set({ state: 'told', told_at: sql`coalesce(told_at, ${now}::bigint)` })
        .where('rotation_id', '=', rotationId)
        .where('state', '=', 'waiting')
        .execute();
    },

    /** Ends what is past its grace, a batch of it: the old tokens, and the rotation when nobody used the new one. */
    endGraces: (now: number): Promise<readonly string[]> =>
      db.transaction().execute(async (tx) => {
        const rows = await tx
          .updateTable('token_rotations')
          .set({ state: 'graceEnded', ended_at: now, sealed_token: null })
          .where('rotation_id', 'in', (eb) =>
            eb
              .selectFrom('token_rotations')
              .select('rotation_id')
              .where('grace_ends_at', '<=', now)
              .where(isOpen)
              .orderBy('rotation_id')
              .limit(500)
              .forUpdate()
              .skipLocked(),
          )
          .returning('device_id')
          .execute();
        await tx.deleteFrom('device_tokens').where('ends_at', '<=', now).execute();
        return rows.map((row) => row.device_id);
      }),

    /** Devices that a server holds and that were not told their new token yet. */
    async untold(): Promise<readonly string[]> {
      const { rows } = await sql<{ device_id: string }>`
        SELECT device_id FROM token_rotations JOIN device_presence USING (device_id)
        WHERE state = 'waiting' AND sealed_token IS NOT NULL ORDER BY rotation_id LIMIT 1000`.execute(db);
      return rows.map((row) => row.device_id);
    },

    /** Tokens that ended after `since` by the clock of the database, and what that clock shows. Null: the last `ms`. */
    async endedSince(since: number | null, ms: number): Promise<{ now: number; ended: readonly EndedToken[] }> {
      const { rows: found } = await sql<{ now: number } & Omit<EndedToken, 'hash'> & { hash: string | null }>`
        SELECT clock.now, end_id AS "endId", encode(token_hash, 'hex') AS hash, device_id AS "deviceId", code
        FROM (SELECT ${databaseNow} AS now) AS clock
        LEFT JOIN credential_ends ON ended_at > coalesce(${since}::bigint, clock.now - ${ms}::bigint)
        ORDER BY end_id`.execute(db);
      return {
        now: found[0]?.now ?? 0,
        ended: found.flatMap(({ endId, hash, deviceId, code }) =>
          hash === null ? [] : [{ endId, hash, deviceId, code }],
        ),
      };
    },

    /** These tokens were used. */
    async used(hashes: readonly string[], now: number): Promise<void> {
      const bytes = hashes.map((hash) => Buffer.from(hash, 'hex'));
      // in one order, so that servers never lock each other
      await sql`WITH those AS (
          SELECT token_hash FROM device_tokens WHERE token_hash = ANY(${bytes}::bytea[])
            AND (last_used_at IS NULL OR last_used_at < ${now - USE_MS}::bigint)
          ORDER BY token_hash FOR UPDATE SKIP LOCKED)
        UPDATE device_tokens SET last_used_at = ${now}::bigint FROM those
        WHERE device_tokens.token_hash = those.token_hash`.execute(db);
    },

    /** Of these hashes of tokens, hex, those of devices that were decommissioned. */
    async decommissioned(hashes: readonly string[]): Promise<Map<string, true>> {
      const bytes = hashes.map((hash) => Buffer.from(hash, 'hex'));
      const { rows } = await sql<{ hash: string }>`SELECT encode(token_hash, 'hex') AS hash FROM credential_ends
        WHERE token_hash = ANY(${bytes}::bytea[]) AND code = 'DEVICE_DECOMMISSIONED'`.execute(db);
      return new Map(rows.map(({ hash }) => [hash, true]));
    },

    /** Shuts the device out when its site wants that; false when it does not, or it is shut out already. */
    quarantine: (deviceId: string, reason: string, now: number): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        const { rows } = await sql`UPDATE devices SET quarantined_at = ${now}::bigint, quarantine_reason = ${reason}
          FROM sites WHERE sites.site_id = devices.site_id AND clone_policy = 'quarantine' AND device_id = ${deviceId}
            AND devices.state = 'active' AND quarantined_at IS NULL RETURNING device_id`.execute(tx);
        if (rows.length === 0) return false;
        await sql`INSERT INTO credential_ends (token_hash, device_id, code, ended_at)
          SELECT token_hash, device_id, 'DEVICE_QUARANTINED', ${databaseNow} FROM device_tokens
          WHERE device_id = ${deviceId}`.execute(tx);
        return true;
      }),

    /** Lets it in again. */
    release: (deviceId: string): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx
          .updateTable('devices')
          .set({ quarantined_at: null, quarantine_reason: null })
          .where('device_id', '=', deviceId)
          .where('quarantined_at', 'is not', null)
          .execute();
        // its tokens did not end: what they open from now on stays open
        await tx
          .deleteFrom('credential_ends')
          .where('device_id', '=', deviceId)
          .where('code', '=', 'DEVICE_QUARANTINED')
          .execute();
      }),

    quarantineOf: (deviceId: string) =>
      db
        .selectFrom('devices')
        .select(['quarantined_at', 'quarantine_reason'])
        .where('device_id', '=', deviceId)
        .executeTakeFirst(),

    /** Forgets ends that nobody asks for any more; of devices that were decommissioned later. */
    async prune(endedBefore: number, decommissionedBefore: number): Promise<void> {
      await sql`DELETE FROM credential_ends WHERE end_id IN
        (SELECT end_id FROM credential_ends WHERE ended_at < CASE code WHEN 'DEVICE_DECOMMISSIONED'
          THEN ${decommissionedBefore}::bigint ELSE ${endedBefore}::bigint END LIMIT 5000)`.execute(db);
    },
  };
}
