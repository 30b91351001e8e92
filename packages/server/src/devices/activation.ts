import { createHash, randomInt } from 'node:crypto';
import {
  type ActivateReply,
  type ActivateRequest,
  type ActivationProof,
  bug,
  LIMITS,
  MusterError,
} from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { newId, newSecret } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import { createRateLimiter } from '../platform/rate-limiter.ts';
import { createTurns } from '../platform/turns.ts';
import type { HmacKeys } from './hmac-keys.ts';
import { provesKey } from './proof.ts';
import type { ActivationRow, DeviceRow, DeviceStore } from './store.ts';

/** What a device says of itself when it knocks. Nothing of it is proven. */
export interface Knock {
  readonly hardwareId: string;
  readonly clientId: string;
  readonly serialNumber: string | null;
  /** The device says that it has a key (activation version 2): it is let in only by proof. */
  readonly keyed: boolean;
  readonly model: string | null;
  readonly firmwareVersion: string | null;
  readonly simulated: boolean;
  /** Hex of a key that Python clients give away; learnt only when its HMAC proves right. */
  readonly hmacKeyCandidate: string | null;
}

export interface ActivationOffer {
  readonly code: string;
  readonly challenge: string;
}

/**
 * The way of a device from its first knock to active:
 * offered (a code, the same at every knock) -> approved (a person typed it) -> active (the device proved its key, or
 * has none). A wrong proof changes nothing and never activates.
 */
export interface Activation {
  /** RATE_LIMITED when too many devices of one source wait. */
  offer(knock: Knock, source: string): Promise<ActivationOffer>;
  /** A person types the code. ACTIVATION_CODE_WRONG; RATE_LIMITED past 5 wrong ones a minute of any of the `sources`. */
  approve(request: ActivateRequest & { siteId: string }, sources: readonly string[]): Promise<ActivateReply>;
  /** The device asks whether it may come in. Throws ACTIVATION_REFUSED or ACTIVATION_KEY_UNKNOWN. */
  poll(hardwareId: string, clientId: string, proof: ActivationProof | null): Promise<'active' | 'waiting'>;
}

/** Rows of devices that knocked: a flood of made-up addresses ends here. */
const MOST_WAITING = 10_000;
const MOST_WAITING_OF_SOURCE = 500;
const ROOM = 100;
/** Typed codes that wait for the one before; past it the next is refused. */
const MOST_TRIES_WAITING = 500;

export function createActivation(deps: {
  readonly store: DeviceStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly keys: HmacKeys;
  readonly simulatedAllowed: boolean;
}): Activation {
  const { store, clock, log, keys } = deps;
  const inTurn = createTurns(MOST_TRIES_WAITING);
  const wrongCodes = createRateLimiter(clock, { limit: LIMITS.activationWrongPerMinute, windowMs: 60_000 });

  async function offer(knock: Knock, source: string): Promise<ActivationOffer> {
    if (knock.simulated && !deps.simulatedAllowed) {
      const say = 'This server takes no simulated devices (devices.allowSimulated is false).';
      throw new MusterError('ACTIVATION_REFUSED', { hardwareId: knock.hardwareId }, { say });
    }
    if (knock.clientId === '' && !knock.keyed) {
      const say = 'A device without a key needs a Client-Id: its address alone is no secret.';
      throw new MusterError('ACTIVATION_REFUSED', { hardwareId: knock.hardwareId }, { say });
    }
    const now = clock.now();
    const claim = claimOf(knock);
    const before = await store.activation(knock.hardwareId, knock.clientId, claim, now);
    if (before !== undefined) return before;
    await store.dropExpiredActivations(now);
    const waiting = await store.countActivations(source);
    if (waiting.ofSource >= MOST_WAITING_OF_SOURCE) throw new MusterError('RATE_LIMITED', { retryAfterMs: 60_000 });
    if (waiting.all >= MOST_WAITING) await store.dropOldestActivations(ROOM);
    for (let tries = 0; tries < 20; tries++) {
      const { hardwareId, clientId } = knock;
      const given = keyBytes(knock);
      const candidate = given === null ? null : keys.candidate.seal(given, [hardwareId, clientId]);
      const row = newRow(knock, claim, candidate, source, now);
      if (await store.openActivation(row)) return row;
      // another poll of the same device may have come first: its code is the code
      const other = await store.activation(knock.hardwareId, knock.clientId, claim, now);
      if (other !== undefined) return other;
    }
    throw bug('no free activation code in 20 tries');
  }

  function wrongCode(sources: readonly string[]): MusterError {
    for (const source of sources) wrongCodes.count(source);
    return new MusterError('ACTIVATION_CODE_WRONG');
  }

  async function approve(
    request: ActivateRequest & { siteId: string },
    sources: readonly string[],
  ): Promise<ActivateReply> {
    const retryAfterMs = Math.max(...sources.map((source) => wrongCodes.waitMs(source)));
    if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
    const now = clock.now();
    const waiting = await store.activationByCode(request.code, now);
    if (waiting === undefined) throw wrongCode(sources);
    const known = await store.activeByHardware(waiting.hardware_id);
    if (known !== undefined) checkReturn(waiting, known, request.siteId);
    const set = {
      device_id: known?.device_id ?? newId(now),
      site_id: request.siteId,
      device_name: request.name ?? known?.name ?? waiting.model ?? 'New device',
      keyed: waiting.keyed || (await isRegistered(waiting.serial_number, request.siteId)),
    };
    const row = await store.approve(request.code, set, now);
    if (row === undefined) throw wrongCode(sources);
    const reply = { deviceId: set.device_id, siteId: set.site_id, hardwareId: row.hardware_id };
    if (row.keyed) return { outcome: 'waiting', ...reply };
    await store.completeActivation(toDeviceRow(row, null, null, now));
    log.info({ deviceId: set.device_id }, 'device activated');
    return { outcome: 'active', ...reply };
  }

  async function poll(
    hardwareId: string,
    clientId: string,
    proof: ActivationProof | null,
  ): Promise<'active' | 'waiting'> {
    const now = clock.now();
    const row = await store.polled(hardwareId, clientId, proof?.challenge ?? null, now);
    if (row === undefined) {
      // nothing is given here: an active device with a key still has to prove it before it gets a token
      const active = await store.activeByHardware(hardwareId);
      return active !== undefined && active.client_id === clientId ? 'active' : 'waiting';
    }
    if (row.device_id === null || row.site_id === null) return 'waiting';
    if (!row.keyed) return 'active';
    // Python clients name their serial number only here
    const serialNumber = row.serial_number ?? proof?.serialNumber ?? '';
    const registered = await store.registeredKey(serialNumber, row.site_id);
    const key =
      registered !== undefined
        ? keys.registered.open(registered.hmac_key, [registered.serial_number])
        : row.key_candidate === null
          ? null
          : keys.candidate.open(row.key_candidate, [hardwareId, clientId]);
    if (key === null) throw new MusterError('ACTIVATION_KEY_UNKNOWN', { serialNumber });
    if (proof === null || !provesKey(proof, row.challenge, key)) {
      log.warn({ hardwareId }, 'a device did not prove its key');
      throw new MusterError('ACTIVATION_REFUSED', { hardwareId });
    }
    await store.completeActivation(toDeviceRow(row, serialNumber, keys.device.seal(key, [row.hardware_id]), now));
    log.info({ deviceId: row.device_id }, 'device activated');
    return 'active';
  }

  /** Who says it has no key, and names a serial number that has one, has to prove it all the same. */
  async function isRegistered(serialNumber: string | null, siteId: string): Promise<boolean> {
    return serialNumber !== null && (await store.registeredKey(serialNumber, siteId)) !== undefined;
  }

  return {
    offer,
    // one after the other, so that many tries at once count each other
    approve: (request, sources) => inTurn(sources, () => approve(request, sources)),
    poll,
  };
}

/** A device that is active already knocked anew, or something that took its address did. */
function checkReturn(waiting: ActivationRow, known: DeviceRow, siteId: string): void {
  if (known.site_id !== siteId) {
    const say = 'A device with this address is active at another site; revoke it there first.';
    throw new MusterError('CONFLICT', { hardwareId: waiting.hardware_id }, { say });
  }
  if (known.proof === 'hmac' && !waiting.keyed) {
    const say = 'This device proved a key before and now shows none; revoke it first if that is right.';
    throw new MusterError('ACTIVATION_REFUSED', { hardwareId: waiting.hardware_id }, { say });
  }
}

function newRow(knock: Knock, claim: string, candidate: Buffer | null, source: string, now: number): ActivationRow {
  return {
    hardware_id: knock.hardwareId,
    client_id: knock.clientId,
    claim,
    source,
    code: String(randomInt(1_000_000)).padStart(6, '0'),
    challenge: newSecret(),
    serial_number: knock.serialNumber,
    keyed: knock.keyed,
    key_candidate: candidate,
    model: knock.model,
    firmware_version: knock.firmwareVersion,
    simulated: knock.simulated,
    device_id: null,
    site_id: null,
    device_name: null,
    created_at: now,
    expires_at: now + LIMITS.activationCodeMs,
  };
}

/** What a code stands for besides the address: who shows another serial number or key gets another code. */
function claimOf(knock: Knock): string {
  return createHash('sha256')
    .update(JSON.stringify([knock.keyed, knock.serialNumber, knock.hmacKeyCandidate]))
    .digest('base64url');
}

function keyBytes(knock: Knock): Buffer | null {
  return knock.hmacKeyCandidate === null ? null : Buffer.from(knock.hmacKeyCandidate, 'hex');
}

function toDeviceRow(row: ActivationRow, serialNumber: string | null, key: Buffer | null, now: number): DeviceRow {
  if (row.device_id === null || row.site_id === null) throw bug('an activation without approval was completed');
  return {
    device_id: row.device_id,
    site_id: row.site_id,
    name: row.device_name ?? 'New device',
    hardware_id: row.hardware_id,
    client_id: row.client_id,
    serial_number: serialNumber || null,
    model: row.model,
    firmware_version: row.firmware_version,
    simulated: row.simulated,
    proof: key === null ? 'none' : 'hmac',
    hmac_key: key,
    assistant_id: null,
    state: 'active',
    last_seen_at: null,
    keeps_connection: null,
    created_at: now,
    profile: null,
    tags: [],
  };
}
