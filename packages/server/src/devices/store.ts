import { type Device, type Group, MusterError, type RotationState } from '@muster/contract';
import { type SelectQueryBuilder, sql } from 'kysely';
import { type Database, isUniqueViolation } from '../platform/db/index.ts';
import { queryCondition } from './groups/query.ts';
import { holder, isConnected } from './presence/index.ts';

export interface DeviceTables {
  devices: {
    device_id: string;
    site_id: string;
    name: string;
    hardware_id: string;
    client_id: string;
    serial_number: string | null;
    model: string | null;
    firmware_version: string | null;
    simulated: boolean;
    proof: 'none' | 'hmac';
    hmac_key: Buffer | null;
    assistant_id: string | null;
    state: 'active' | 'revoked';
    last_seen_at: number | null;
    /** Null: never connected. */
    keeps_connection: boolean | null;
    created_at: number;
    /** Name of a profile. */
    profile: string | null;
    tags: string[];
    /** Shut out since: two seemed to use its identity. */
    quarantined_at?: number | null | undefined;
    quarantine_reason?: string | null | undefined;
  };
  device_tokens: { token_hash: Buffer; device_id: string; created_at: number; ends_at?: number | null };
  token_rotations: {
    rotation_id: string;
    device_id: string;
    token_hash: Buffer;
    sealed_token: Buffer | null;
    state: RotationState;
    ended_at: number | null;
  };
  device_keys: { serial_number: string; hmac_key: Buffer; site_id: string | null; created_at: number };
  activations: ActivationRow;
}
export type DeviceRow = DeviceTables['devices'];

export interface ActivationRow {
  hardware_id: string;
  client_id: string;
  claim: string;
  source: string;
  code: string;
  challenge: string;
  serial_number: string | null;
  keyed: boolean;
  key_candidate: Buffer | null;
  model: string | null;
  firmware_version: string | null;
  simulated: boolean;
  device_id: string | null;
  site_id: string | null;
  device_name: string | null;
  created_at: number;
  expires_at: number;
}

/** Tokens of one device that work at a time: the newest, and those that may still be in a device's memory. */
const LIVE_TOKENS = 3;

/** Which devices are meant. Every part that is given must hold. */
export interface DeviceFilter {
  /** Null: of every site. */
  readonly sites: readonly string[] | null;
  readonly siteId?: string;
  readonly state?: DeviceRow['state'];
  readonly tag?: string;
  readonly profile?: string;
  readonly connected?: boolean;
  /** How the name begins, in capitals or not. */
  readonly name?: string;
  /** Its whole name, hardware id or serial number, in capitals or not. */
  readonly called?: string;
  /** Those that are in it now. */
  readonly group?: Group;
}

export type DeviceStore = ReturnType<typeof createDeviceStore>;

export function createDeviceStore(db: Database<DeviceTables>) {
  return {
    /** By their id, each with the living server that holds it. */
    async findAll(deviceIds: readonly string[]): Promise<Map<string, DeviceRow & { held_by: string | null }>> {
      const rows = await db
        .selectFrom('devices')
        .selectAll()
        .select(holder().as('held_by'))
        .where(sql<boolean>`device_id = ANY(${[...deviceIds]}::uuid[])`)
        .execute();
      return new Map(rows.map((row) => [row.device_id, row]));
    },

    activeByHardware: (hardwareId: string) =>
      db
        .selectFrom('devices')
        .selectAll()
        .where('hardware_id', '=', hardwareId)
        .where('state', '=', 'active')
        .executeTakeFirst(),

    async insert(row: DeviceRow): Promise<void> {
      await db.insertInto('devices').values(row).execute();
    },

    /** All of them or none; at most 1,000. CONFLICT when an active device has one of the hardware ids already. */
    async createWithTokens(
      made: readonly { readonly row: DeviceRow; readonly tokenHash: Buffer | null }[],
    ): Promise<void> {
      try {
        await db.transaction().execute(async (tx) => {
          await tx
            .insertInto('devices')
            .values(made.map(({ row }) => row))
            .execute();
          const tokens = made.flatMap(({ row: { device_id, created_at }, tokenHash }) =>
            tokenHash === null ? [] : [{ token_hash: tokenHash, device_id, created_at }],
          );
          if (tokens.length > 0) await tx.insertInto('device_tokens').values(tokens).execute();
        });
      } catch (error) {
        if (isUniqueViolation(error, 'device_tokens_pkey')) {
          throw new MusterError('CONFLICT', {}, { say: 'A token is in use already; no device was made.' });
        }
        if (!isUniqueViolation(error, 'devices_hardware')) throw error;
        const hardwareId = made.length === 1 ? made[0]?.row.hardware_id : undefined;
        const say =
          made.length === 1
            ? 'Another active device has this hardware id.'
            : 'Another active device has one of these hardware ids; none of them was made.';
        throw new MusterError('CONFLICT', { hardwareId }, { say });
      }
    },

    /** Newest first by id; `after` is the last id of the page before. */
    list(
      options: DeviceFilter & { limit: number; after?: string },
    ): Promise<(DeviceRow & { held_by: string | null })[]> {
      const { sites, siteId, state, tag, profile, connected, name, called, group, after } = options;
      if (sites?.length === 0) return Promise.resolve([]);
      let query = db
        .selectFrom('devices')
        .selectAll()
        .select(holder().as('held_by'))
        .orderBy('device_id', 'desc')
        .limit(options.limit);
      if (sites !== null) query = query.where('site_id', 'in', sites);
      if (siteId !== undefined) query = query.where('site_id', '=', siteId);
      if (state !== undefined) query = query.where('state', '=', state);
      if (after !== undefined) query = query.where('device_id', '<', after);
      if (tag !== undefined) query = query.where(sql<boolean>`tags @> ARRAY[${tag}]::text[]`);
      if (profile !== undefined) query = query.where('profile', '=', profile);
      if (name !== undefined) query = query.where(sql<boolean>`lower(name) LIKE ${beginsWith(name)}`);
      if (called !== undefined)
        query = query.where(sql<boolean>`lower(${called}) IN (lower(name), lower(hardware_id), lower(serial_number))`);
      if (connected !== undefined) query = query.where(sql<boolean>`${isConnected()} = ${connected}`);
      if (group !== undefined) {
        query = query.where('site_id', '=', group.siteId);
        query =
          group.query === null
            ? query.where(
                sql<boolean>`device_id IN (SELECT device_id FROM group_members WHERE group_id = ${group.groupId})`,
              )
            : query.where(queryCondition(group.query));
      }
      return query.execute();
    },

    change: (
      deviceId: string,
      set: Partial<Pick<DeviceRow, 'name' | 'assistant_id' | 'model' | 'firmware_version' | 'profile' | 'tags'>>,
    ) => db.updateTable('devices').set(set).where('device_id', '=', deviceId).returningAll().executeTakeFirst(),

    /** Marks them revoked and wipes their tokens in one transaction; gives those that were active, at `siteId` (null: anywhere). */
    revoke: (deviceIds: readonly string[], siteId: string | null): Promise<DeviceRow[]> =>
      db.transaction().execute(async (tx) => {
        const named = tx.selectFrom('devices').select('device_id').where('device_id', 'in', deviceIds);
        const meant = siteId === null ? named : named.where('site_id', '=', siteId);
        // first: what ends a token says so by the state of its device
        const revoked = await tx
          .updateTable('devices')
          .set({ state: 'revoked' })
          .where('device_id', 'in', meant)
          .where('state', '=', 'active')
          .returningAll()
          .execute();
        await endRotations(tx, meant);
        await tx.deleteFrom('device_tokens').where('device_id', 'in', meant).execute();
        // an approval that waits for its proof ends too
        await tx.deleteFrom('activations').where('device_id', 'in', meant).execute();
        return revoked;
      }),

    /** Adds a token and drops all but the newest few. */
    addToken: (deviceId: string, tokenHash: Buffer, now: number): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto('device_tokens')
          .values({ token_hash: tokenHash, device_id: deviceId, created_at: now })
          .execute();
        const kept = tx
          .selectFrom('device_tokens')
          .select('token_hash')
          .where('device_id', '=', deviceId)
          .orderBy('created_at', 'desc')
          .limit(LIVE_TOKENS);
        await tx
          .deleteFrom('device_tokens')
          .where('device_id', '=', deviceId)
          .where('token_hash', 'not in', kept)
          // one that is on its way to the device counts as the newest
          .where((eb) =>
            eb.not(
              eb.exists(
                eb
                  .selectFrom('token_rotations')
                  .select('rotation_id')
                  .whereRef('token_rotations.token_hash', '=', 'device_tokens.token_hash')
                  .where('state', 'in', ['waiting', 'told']),
              ),
            ),
          )
          .execute();
      }),

    /**
     * The active devices that these tokens belong to, by the hash of the token in hex; with the change of token that the
     * first use of this one confirms.
     */
    async byTokens(hashes: readonly string[]): Promise<Map<string, DeviceRow & { readonly confirms: string | null }>> {
      const wanted = hashes.map((hash) => Buffer.from(hash, 'hex'));
      const rows = await db
        .selectFrom('device_tokens')
        .innerJoin('devices', 'devices.device_id', 'device_tokens.device_id')
        .leftJoin('token_rotations', (join) =>
          join
            .onRef('token_rotations.token_hash', '=', 'device_tokens.token_hash')
            .on('token_rotations.state', 'in', ['waiting', 'told']),
        )
        .selectAll('devices')
        .select(['device_tokens.token_hash', 'rotation_id as confirms'])
        .where(sql<boolean>`device_tokens.token_hash = ANY(${wanted}::bytea[])`)
        .where('devices.state', '=', 'active')
        // the end of a grace: by the clock of the database, as it is looked for
        .where(sql<boolean>`(ends_at IS NULL OR ends_at > (extract(epoch FROM clock_timestamp()) * 1000)::bigint)`)
        .execute();
      return new Map(rows.map(({ token_hash, ...row }) => [token_hash.toString('hex'), row]));
    },

    /** The site's own key for the serial number, else the one for every site. */
    registeredKey: (serialNumber: string, siteId: string) =>
      db
        .selectFrom('device_keys')
        .selectAll()
        .where('serial_number', '=', serialNumber)
        .where((eb) => eb.or([eb('site_id', '=', siteId), eb('site_id', 'is', null)]))
        .orderBy('site_id', (order) => order.asc().nullsLast())
        .limit(1)
        .executeTakeFirst(),

    /** False when there was none. */
    async deleteKey(serialNumber: string, siteId: string | null): Promise<boolean> {
      const done = await db
        .deleteFrom('device_keys')
        .where('serial_number', '=', serialNumber)
        .where('site_id', siteId === null ? 'is' : '=', siteId)
        .executeTakeFirst();
      return done.numDeletedRows > 0n;
    },

    /** False when the serial number has a key already. */
    async registerKey(row: DeviceTables['device_keys']): Promise<boolean> {
      try {
        await db.insertInto('device_keys').values(row).execute();
        return true;
      } catch (error) {
        if (isUniqueViolation(error)) return false;
        throw error;
      }
    },

    activation: (hardwareId: string, clientId: string, claim: string, now: number) =>
      db
        .selectFrom('activations')
        .selectAll()
        .where('hardware_id', '=', hardwareId)
        .where('client_id', '=', clientId)
        .where('claim', '=', claim)
        .where('expires_at', '>', now)
        .executeTakeFirst(),

    /** The row of a poll: named by the challenge that was proved, or the one without a key. */
    polled: (hardwareId: string, clientId: string, challenge: string | null, now: number) => {
      const query = db
        .selectFrom('activations')
        .selectAll()
        .where('hardware_id', '=', hardwareId)
        .where('client_id', '=', clientId)
        .where('expires_at', '>', now)
        // one that was approved comes first
        .orderBy('device_id', (order) => order.asc().nullsLast());
      const named = challenge === null ? query : query.where('challenge', '=', challenge);
      return named.limit(1).executeTakeFirst();
    },

    activationByCode: (code: string, now: number) =>
      db
        .selectFrom('activations')
        .selectAll()
        .where('code', '=', code)
        .where('expires_at', '>', now)
        .executeTakeFirst(),

    /** False when the code is in use or the device has a row already: make another and try again. */
    async openActivation(row: ActivationRow): Promise<boolean> {
      const done = await db
        .insertInto('activations')
        .values(row)
        .onConflict((at) => at.doNothing())
        .executeTakeFirst();
      return done.numInsertedOrUpdatedRows === 1n;
    },

    dropExpiredActivations: (now: number) => db.deleteFrom('activations').where('expires_at', '<=', now).execute(),

    /** Rows in all, and of one source. */
    async countActivations(source: string): Promise<{ readonly all: number; readonly ofSource: number }> {
      const row = await db
        .selectFrom('activations')
        .select((eb) => [
          eb.fn.countAll<number>().as('all'),
          eb.fn.countAll<number>().filterWhere('source', '=', source).as('ofSource'),
        ])
        .executeTakeFirstOrThrow();
      return row;
    },

    /** Makes room: the oldest that nobody approved go; their devices get a new code at their next poll. */
    dropOldestActivations: (rows: number) =>
      db
        .deleteFrom('activations')
        .where('code', 'in', (eb) =>
          eb.selectFrom('activations').select('code').where('device_id', 'is', null).orderBy('expires_at').limit(rows),
        )
        .execute(),

    /** A person typed the code: single use, so only a row not yet approved is taken. */
    approve: (
      code: string,
      set: { device_id: string; site_id: string; device_name: string; keyed: boolean },
      now: number,
    ) =>
      db
        .updateTable('activations')
        .set(set)
        .where('code', '=', code)
        .where('device_id', 'is', null)
        .where('expires_at', '>', now)
        .returningAll()
        .executeTakeFirst(),

    /**
     * The device becomes active and its activation row goes, in one transaction. A device that was active under this id
     * (its memory was erased, it knocked anew) keeps its row, name and assistant; its old tokens end.
     */
    completeActivation: (device: DeviceRow): Promise<void> =>
      db.transaction().execute(async (tx) => {
        const { client_id, serial_number, model, firmware_version, proof, hmac_key, name } = device;
        await tx.deleteFrom('activations').where('device_id', '=', device.device_id).execute();
        const own = tx.selectFrom('devices').select('device_id').where('device_id', '=', device.device_id);
        await endRotations(tx, own);
        await tx.deleteFrom('device_tokens').where('device_id', '=', device.device_id).execute();
        await tx
          .insertInto('devices')
          .values(device)
          .onConflict((at) =>
            at.column('device_id').doUpdateSet({
              client_id,
              serial_number,
              model,
              firmware_version,
              proof,
              hmac_key,
              name,
              quarantined_at: null,
              quarantine_reason: null,
            }),
          )
          .execute();
      }),
  };
}

/** New tokens that are on their way to devices whose tokens end, whichever they are: they end too. */
async function endRotations(
  tx: Database<DeviceTables>,
  deviceIds: SelectQueryBuilder<DeviceTables, 'devices', { device_id: string }>,
): Promise<void> {
  await tx
    .updateTable('token_rotations')
    .set({
      state: 'cancelled',
      sealed_token: null,
      ended_at: sql<number>`(extract(epoch FROM clock_timestamp()) * 1000)::bigint`,
    })
    .where('device_id', 'in', deviceIds)
    .where('state', 'in', ['waiting', 'told'])
    .execute();
}

/** A pattern of LIKE for what begins so; its own signs count as letters. */
function beginsWith(text: string): string {
  return `${text.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`;
}

export function toDevice(row: DeviceRow, connected: boolean): Device {
  return {
    deviceId: row.device_id,
    siteId: row.site_id,
    name: row.name,
    hardwareId: row.hardware_id,
    serialNumber: row.serial_number,
    model: row.model,
    firmwareVersion: row.firmware_version,
    simulated: row.simulated,
    proof: row.proof,
    assistantId: row.assistant_id,
    state: row.state,
    profile: row.profile,
    tags: row.tags,
    connected,
    keepsConnection: row.keeps_connection,
    lastSeenAt: row.last_seen_at,
    createdAt: row.created_at,
  };
}
