import { type Device, MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { forgetOldest } from '../platform/forget-oldest.ts';
import { hashSecret, newSecret, sameBytes } from '../platform/ids.ts';
import { createRateLimiter } from '../platform/rate-limiter.ts';
import type { Activation, ActivationOffer, Knock } from './activation.ts';
import type { Clones } from './credentials/index.ts';
import type { HmacKeys } from './hmac-keys.ts';
import { type DeviceRow, type DeviceStore, toDevice } from './store.ts';

/**
 * What a device is told when it boots: its token, or how to become active.
 * `challenge` alone (no code): the device is active and has to prove its key once more before it gets a token.
 */
export type CheckInReply =
  | { readonly active: true; readonly token: string; readonly device: Device }
  | ({ readonly active: false; readonly code: string | null } & Pick<ActivationOffer, 'challenge'>);

export interface CheckIn {
  /** Throws RATE_LIMITED when a source knocks too often. */
  checkIn(knock: Knock, source: string): Promise<CheckInReply>;
  /** The device proved its key just now: its next check-in from the same network address gets a token. */
  proved(hardwareId: string, clientId: string, source: string): void;
  /** The challenge that a keyed, active device was given at this network address, if any. */
  challengeOf(hardwareId: string, clientId: string, source: string): string | null;
}

/** From a challenge to the next check-in: the firmware polls every 3 to 10 s, ten times. */
const PROOF_MS = 120_000;
const MOST_PROOFS = 10_000;

/**
 * The boot request carries no secret for an ordinary board (an address and a UUID that was made once). A device that
 * has a key must show it at every boot, so that knowing its address is not enough to get a token. The protocol ties
 * the proof to nothing in the check-in that follows; we tie it to the network address that proved.
 */
export function createCheckIn(deps: {
  readonly store: DeviceStore;
  readonly activation: Activation;
  readonly clock: Clock;
  readonly keys: HmacKeys;
  readonly knocksPerMinute: number;
  /** Hears who knocks with the hardware id of a device, and of the device itself. */
  readonly clones: Pick<Clones, 'knocked' | 'proved'>;
  /** The new token that waits for the device; null: there is none. */
  readonly tokenFor: (deviceId: string) => Promise<string | null>;
}): CheckIn {
  const { store, activation, clock, keys, clones } = deps;
  const knocks = createRateLimiter(clock, { limit: deps.knocksPerMinute, windowMs: 60_000 });
  const proofs = new Map<string, { challenge: string; until: number; proved: boolean }>();

  async function issueToken(device: DeviceRow, knock: Knock): Promise<CheckInReply> {
    const waiting = await deps.tokenFor(device.device_id);
    const token = waiting ?? newSecret();
    if (waiting === null) await store.addToken(device.device_id, hashSecret(token), clock.now());
    if (device.model !== knock.model || device.firmware_version !== knock.firmwareVersion) {
      await store.change(device.device_id, { model: knock.model, firmware_version: knock.firmwareVersion });
    }
    return { active: true, token, device: toDevice(device, false) };
  }

  function challenge(key: string): string {
    const open = proofs.get(key);
    if (open !== undefined && open.until > clock.monotonic()) return open.challenge;
    forgetOldest(proofs, MOST_PROOFS - 1);
    const fresh = { challenge: newSecret(), until: clock.monotonic() + PROOF_MS, proved: false };
    proofs.set(key, fresh);
    return fresh.challenge;
  }

  return {
    async checkIn(knock, source) {
      knocks.take(source);
      const device = await store.activeByHardware(knock.hardwareId);
      if (device === undefined || device.client_id !== knock.clientId) {
        if (device !== undefined) clones.knocked({ deviceId: device.device_id, siteId: device.site_id });
        return { active: false, ...(await activation.offer(knock, source)) };
      }
      if (device.quarantined_at != null) throw new MusterError('DEVICE_QUARANTINED');
      clones.proved({ deviceId: device.device_id, siteId: device.site_id });
      if (device.hmac_key === null || givesKey(knock, keys.device.open(device.hmac_key, [device.hardware_id])))
        return issueToken(device, knock);
      const key = proofKey(knock.hardwareId, knock.clientId, source);
      const proof = proofs.get(key);
      if (proof?.proved === true && proof.until > clock.monotonic()) {
        proofs.delete(key);
        return issueToken(device, knock);
      }
      return { active: false, code: null, challenge: challenge(key) };
    },
    proved(hardwareId, clientId, source) {
      const proof = proofs.get(proofKey(hardwareId, clientId, source));
      if (proof !== undefined) proof.proved = true;
    },
    challengeOf(hardwareId, clientId, source) {
      const proof = proofs.get(proofKey(hardwareId, clientId, source));
      return proof !== undefined && proof.until > clock.monotonic() ? proof.challenge : null;
    },
  };
}

/** Python clients send their key with every boot request; who sends the right one knows it. */
function givesKey(knock: Knock, key: Buffer): boolean {
  return knock.hmacKeyCandidate !== null && sameBytes(Buffer.from(knock.hmacKeyCandidate, 'hex'), key);
}

function proofKey(hardwareId: string, clientId: string, source: string): string {
  return `${hardwareId} ${clientId} ${source}`;
}
