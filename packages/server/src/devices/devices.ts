import {
  type ActivateReply,
  type ActivateRequest,
  type ActivationProof,
  bug,
  type Device,
  type DeviceChange,
  type DeviceCreate,
  type DeviceCreated,
  type DeviceKeyRegister,
  MusterError,
} from '@muster/contract';
import { profiles } from '@muster/profiles';
import type { Static } from 'typebox';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/index.ts';
import { createGather } from '../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault/index.ts';
import { createActivation, type Knock } from './activation.ts';
import { type CheckInReply, createCheckIn } from './check-in.ts';
import { checkToken } from './chosen-token.ts';
import type { devicesConfig } from './config.ts';
import { type Credentials, type CredentialTables, createCredentials } from './credentials/index.ts';
import { createHmacKeys } from './hmac-keys.ts';
import { createDeviceLinks, type DeviceLinks } from './links.ts';
import { createPresence, type PresenceTables } from './presence/index.ts';
import { provesKey } from './proof.ts';
import { createDeviceStore, type DeviceFilter, type DeviceRow, type DeviceTables, toDevice } from './store.ts';

export interface Devices {
  checkIn(knock: Knock, source: string): Promise<CheckInReply>;
  /** The device asks whether it is active, with its proof if it has a key. ACTIVATION_REFUSED, ACTIVATION_KEY_UNKNOWN. */
  pollActivation(
    hardwareId: string,
    clientId: string,
    proof: ActivationProof | null,
    source: string,
  ): Promise<'active' | 'waiting'>;
  /** `sources`: whoever shall be counted for a wrong code, the network address and the person. */
  approve(request: ActivateRequest & { siteId: string }, sources: readonly string[]): Promise<ActivateReply>;
  /**
   * The active device that a token belongs to, or null; also null when it claims another address. `credential` is what is
   * stored of the token, hex. The first use of a new token ends those before it. DEVICE_DECOMMISSIONED, DEVICE_QUARANTINED.
   */
  authenticate(token: string, hardwareId: string | null): Promise<(Device & { readonly credential: string }) | null>;
  /** DEVICE_QUARANTINED when the device is shut out. */
  checkQuarantine(deviceId: string): Promise<void>;
  /** SERIAL_TAKEN when a key stands already. */
  registerKey(request: DeviceKeyRegister): Promise<void>;
  /** NOT_FOUND when none is registered. Devices that proved it already stay active. */
  deleteKey(serialNumber: string, siteId: string | null): Promise<void>;
  /** NOT_FOUND when there is no such device. */
  get(deviceId: string): Promise<Device>;
  /** Newest first. `sites` null: of every site; `after`: the last id of the page before. */
  list(options: DeviceFilter & { readonly limit: number; readonly after?: string }): Promise<Device[]>;
  /** All of them, in the same order, read a page at a time. */
  all(filter: DeviceFilter): AsyncIterable<Device>;
  change(deviceId: string, change: DeviceChange): Promise<Device>;
  /** Its tokens end now and `device.revoked` closes its socket. CONFLICT when it is revoked already. */
  revoke(deviceId: string): Promise<void>;
  /**
   * A device that needs no code: a person made it and gives it the token, which is shown this once. CONFLICT when the
   * hardware id or the token is in use, TOKEN_WEAK, FORBIDDEN for a simulator that is not allowed.
   */
  create(request: DeviceCreate & { siteId: string }): Promise<DeviceCreated>;
  /** The same without a token, for one that has another credential. */
  admit(siteId: string, request: Omit<DeviceCreate, 'siteId' | 'token'>): Promise<Device>;
  /** REQUEST_INVALID for a kind of device that nobody knows. */
  checkProfile(name: string | null | undefined): void;
  /** The same for many, all or none of them, in the order asked for. */
  createAll(siteId: string, requests: readonly Omit<DeviceCreate, 'siteId'>[]): Promise<DeviceCreated[]>;
  /** As `revoke` for those of these that are active at the site; gives them. */
  revokeAll(deviceIds: readonly string[], siteId: string): Promise<string[]>;
  /** A new token; those before it end when the newest three are others. NOT_FOUND. */
  newToken(deviceId: string): Promise<string>;
  /** The device spoke without a connection: a request over HTTP whose token held. Returns at once. */
  heard(deviceId: string): void;
  /** Connections to this process. */
  readonly links: DeviceLinks;
  /** Their tokens: how they are replaced and end. Started by who holds the connections. */
  readonly credentials: Credentials;
  /** Resolves when the other servers know this one: what is connected to it counts as connected from then on. */
  start(): Promise<void>;
  /** What is still connected to this server counts as gone when it resolves. */
  stop(): Promise<void>;
}

export interface DevicesDeps {
  readonly db: Database<DeviceTables & PresenceTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly config: Static<typeof devicesConfig>;
  readonly vault: Pick<Vault, 'column'>;
}

/** Devices that are read at a time. */
const PAGE = 500;
/** One that is none would fail the lookups that came with it. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export function createDevices(deps: DevicesDeps): Devices {
  const { clock, bus, log } = deps;
  const store = createDeviceStore(deps.db);
  const keys = createHmacKeys(deps.vault);
  const activation = createActivation({ store, clock, log, keys, simulatedAllowed: deps.config.allowSimulated });
  // a fleet that comes back asks for thousands within seconds
  const byToken = createGather(store.byTokens);
  const byId = createGather(store.findAll);
  const links = createDeviceLinks(bus, (deviceId, keeps) => presence.changed(deviceId, keeps));
  const presence = createPresence({ db: deps.db, clock, bus, log, links });
  const credentials = createCredentials({
    // the same database: each folder names its own tables
    db: deps.db as unknown as Database<CredentialTables>,
    clock,
    bus,
    log,
    vault: deps.vault,
    links,
    graceDays: deps.config.rotationGraceDays,
  });
  const checkIn = createCheckIn({
    store,
    activation,
    clock,
    keys,
    knocksPerMinute: deps.config.knocksPerMinute,
    tokenFor: credentials.tokenFor,
    clones: credentials.clones,
  });

  /** What is connected here is known here; of other servers only the database tells. */
  function shown(row: DeviceRow & { held_by?: string | null }): Device {
    const heldBy = row.held_by ?? null;
    const isHere = links.of(row.device_id).length > 0;
    return toDevice(row, isHere || (heldBy !== null && heldBy !== presence.serverId));
  }

  /** REQUEST_INVALID for a kind of device that nobody knows. */
  function checkProfile(name: string | null | undefined): void {
    if (name == null || profiles.has(name)) return;
    const say = `There is no profile "${name}". There are: ${[...profiles.keys()].join(', ')}.`;
    throw new MusterError('REQUEST_INVALID', { profile: name }, { say });
  }

  function newRow(siteId: string, request: Omit<DeviceCreate, 'siteId' | 'token'>, now: number): DeviceRow {
    const { name, hardwareId, profile, tags, simulated = false } = request;
    checkProfile(profile);
    if (simulated && !deps.config.allowSimulated) {
      const say = 'This server takes no simulated devices (devices.allowSimulated is false).';
      throw new MusterError('FORBIDDEN', { hardwareId }, { say });
    }
    const deviceId = newId(now);
    return {
      device_id: deviceId,
      site_id: siteId,
      name,
      hardware_id: hardwareId ?? deviceId,
      client_id: '',
      serial_number: null,
      model: null,
      firmware_version: null,
      simulated,
      proof: 'none',
      hmac_key: null,
      assistant_id: null,
      state: 'active',
      last_seen_at: null,
      keeps_connection: null,
      created_at: now,
      profile: profile ?? null,
      tags: tags ?? [],
    };
  }

  return {
    checkIn: checkIn.checkIn,

    async pollActivation(hardwareId, clientId, proof, source) {
      const challenge = checkIn.challengeOf(hardwareId, clientId, source);
      const device = challenge === null ? undefined : await store.activeByHardware(hardwareId);
      if (challenge === null || device?.hmac_key == null) return activation.poll(hardwareId, clientId, proof);
      if (proof === null || !provesKey(proof, challenge, keys.device.open(device.hmac_key, [hardwareId]))) {
        throw new MusterError('ACTIVATION_REFUSED', { hardwareId });
      }
      checkIn.proved(hardwareId, clientId, source);
      return 'active';
    },

    async approve(request, sources) {
      const reply = await activation.approve(request, sources);
      // a device that came back with an erased memory: its old connection ends with its old tokens
      bus.publish('device.revoked', { deviceId: reply.deviceId });
      return reply;
    },

    async authenticate(token, hardwareId) {
      const hash = hashSecret(token).toString('hex');
      const row = await byToken(hash);
      if (row === undefined) await credentials.refuse(hash);
      if (row === undefined || (hardwareId !== null && row.hardware_id !== hardwareId)) return null;
      // one that came in while they were allowed
      if (row.simulated && !deps.config.allowSimulated) return null;
      if (row.quarantined_at != null) throw new MusterError('DEVICE_QUARANTINED');
      credentials.clones.proved({ deviceId: row.device_id, siteId: row.site_id });
      if (row.confirms !== null) await credentials.confirm(row.device_id, row.confirms);
      credentials.used(hash);
      return { ...shown(row), credential: hash };
    },

    async checkQuarantine(deviceId) {
      if ((await byId(deviceId))?.quarantined_at != null) throw new MusterError('DEVICE_QUARANTINED', { deviceId });
    },

    async registerKey(request) {
      const done = await store.registerKey({
        serial_number: request.serialNumber,
        hmac_key: keys.registered.seal(Buffer.from(request.hmacKey, 'hex'), [request.serialNumber]),
        site_id: request.siteId ?? null,
        created_at: clock.now(),
      });
      if (!done) throw new MusterError('SERIAL_TAKEN', { serialNumber: request.serialNumber });
    },

    async deleteKey(serialNumber, siteId) {
      if (!(await store.deleteKey(serialNumber, siteId))) throw new MusterError('NOT_FOUND', { serialNumber });
    },

    async get(deviceId) {
      const row = UUID.test(deviceId) ? await byId(deviceId.toLowerCase()) : undefined;
      if (row === undefined) throw new MusterError('NOT_FOUND', { deviceId });
      return shown(row);
    },

    async list(options) {
      return (await store.list(options)).map(shown);
    },

    async *all(filter) {
      let after: string | undefined;
      for (;;) {
        const page = await this.list({ ...filter, limit: PAGE, ...(after === undefined ? {} : { after }) });
        yield* page;
        after = page.at(-1)?.deviceId;
        if (page.length < PAGE) return;
      }
    },

    async change(deviceId, change) {
      if (Object.keys(change).length === 0) return this.get(deviceId);
      checkProfile(change.profile);
      const row = await store.change(deviceId, {
        ...(change.name === undefined ? {} : { name: change.name }),
        ...(change.assistantId === undefined ? {} : { assistant_id: change.assistantId }),
        ...(change.profile === undefined ? {} : { profile: change.profile }),
        ...(change.tags === undefined ? {} : { tags: [...change.tags] }),
      });
      if (row === undefined) throw new MusterError('NOT_FOUND', { deviceId });
      bus.publish('device.changed', { deviceId });
      return shown(row);
    },

    async revoke(deviceId) {
      const [row] = await store.revoke([deviceId], null);
      if (row === undefined) throw new MusterError('CONFLICT', { deviceId }, { say: 'The device is revoked already.' });
      bus.publish('device.revoked', { deviceId });
      log.info({ deviceId }, 'device revoked');
    },

    async create({ siteId, ...request }) {
      const [made] = await this.createAll(siteId, [request]);
      if (made === undefined) throw bug('a device was made and is not there');
      return made;
    },

    async admit(siteId, request) {
      const row = newRow(siteId, request, clock.now());
      await store.createWithTokens([{ row, tokenHash: null }]);
      bus.publish('device.created', { deviceId: row.device_id });
      return toDevice(row, false);
    },

    checkProfile,

    async createAll(siteId, requests) {
      const now = clock.now();
      const made = requests.map(({ token, ...request }) => {
        if (token !== undefined) checkToken(token, request.name);
        return { row: newRow(siteId, request, now), token: token ?? newSecret() };
      });
      await store.createWithTokens(made.map(({ row, token }) => ({ row, tokenHash: hashSecret(token) })));
      // rules watch it from now on, not from its first connection
      for (const { row } of made) bus.publish('device.created', { deviceId: row.device_id });
      return made.map(({ row, token }) => ({ device: toDevice(row, false), token }));
    },

    async revokeAll(deviceIds, siteId) {
      const revoked = await store.revoke(deviceIds, siteId);
      for (const { device_id: deviceId } of revoked) bus.publish('device.revoked', { deviceId });
      if (revoked.length > 0) log.info({ count: revoked.length }, 'devices revoked');
      return revoked.map((row) => row.device_id);
    },

    async newToken(deviceId) {
      await this.get(deviceId);
      const token = newSecret();
      await store.addToken(deviceId, hashSecret(token), clock.now());
      return token;
    },

    heard: (deviceId) => presence.heard(deviceId),
    links,
    credentials,
    start: () => presence.start(),
    stop: () => presence.stop(),
  };
}
