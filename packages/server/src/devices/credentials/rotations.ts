import {
  type CommandReply,
  type Device,
  type DeviceCredential,
  type DeviceCredentials,
  LIMITS,
  MusterError,
  REPLACE_TOKEN,
  type RotateReply,
  type RotateRequest,
  type TokenRotation,
} from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { isUniqueViolation } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { ColumnSeal } from '../../platform/vault/index.ts';
import type { DeviceLink, DeviceLinks } from '../links.ts';
import type { CredentialStore, CredentialTables, RotationRow } from './store.ts';

/** A new token for a device, while the one it has goes on working until the new one was used. */
export interface Rotations {
  /**
   * Makes the new token. It reaches the device at its next connect, or now; in the answer only when a person is to carry
   * it there. CONFLICT when one is under way, when the device is revoked, or when a person asks for the token and the
   * device can be told.
   */
  begin(
    device: Pick<Device, 'deviceId' | 'state'>,
    request: RotateRequest & { readonly jobId?: string },
  ): Promise<RotateReply>;
  /** The new token ends, those before it go on. CONFLICT when none is under way. */
  cancel(deviceId: string): Promise<void>;
  /** Tokens of the device and its last rotation, without what other features know. */
  of(deviceId: string): Promise<DeviceCredentials>;
  /** The new token was used: what was before it ends. */
  confirm(deviceId: string, rotationId: string): Promise<void>;
  /** The token of a rotation under way that the device may be told at its boot request; null: there is none. */
  tokenFor(deviceId: string): Promise<string | null>;
  /** The connection takes commands now: the device is told its new token, if there is one. */
  deviceReady(link: DeviceLink): void;
  /** Tells the device if it is connected here. */
  tell(deviceId: string): void;
  /** What the device says to a new token. False when it is about none of ours. */
  reply(deviceId: string, reply: CommandReply): Promise<boolean>;
}

export function createRotations(deps: {
  readonly store: CredentialStore;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly links: DeviceLinks;
  readonly seal: ColumnSeal;
  readonly graceMs: number;
}): Rotations {
  const { store, clock, bus, log, links, seal } = deps;
  // a fleet that comes back asks for thousands within seconds
  const openOf = createGather(store.open);
  /** Connections that were told, so that none is told twice. */
  const toldOn = new WeakMap<DeviceLink, string>();

  const canTake = (link: DeviceLink): boolean => link.transport !== 'xiaozhi' && link.takes(REPLACE_TOKEN);

  const tokenOf = (row: RotationRow): string | null =>
    row.sealed_token === null ? null : seal.open(row.sealed_token, [row.rotation_id]).toString();

  async function tellOn(link: DeviceLink): Promise<void> {
    const row = await openOf(link.deviceId);
    const token = row === undefined ? null : tokenOf(row);
    if (row === undefined || token === null || toldOn.get(link) === row.rotation_id || !canTake(link)) return;
    // who came in by the new one needs to be told nothing
    if (link.credential === row.token_hash.toString('hex')) return;
    toldOn.set(link, row.rotation_id);
    try {
      await link.command({
        commandId: row.rotation_id,
        name: REPLACE_TOKEN,
        args: { token, graceEndsAt: row.grace_ends_at },
        deadlineAt: row.grace_ends_at,
        deadlineMs: Math.max(0, row.grace_ends_at - clock.now()),
        attempt: 1,
      });
      await store.told(row.rotation_id, clock.now());
    } catch (error) {
      // the next connection is told
      toldOn.delete(link);
      throw error;
    }
  }

  function deviceReady(link: DeviceLink): void {
    tellOn(link).catch((error: unknown) =>
      log.info({ err: error, deviceId: link.deviceId }, 'a device could not be told its new token yet'),
    );
  }

  function tell(deviceId: string): void {
    const link = links.of(deviceId).find(canTake);
    if (link !== undefined) deviceReady(link);
  }

  return {
    async begin({ deviceId, state }, { graceMs = deps.graceMs, deliver = 'device', jobId }) {
      if (state !== 'active') throw new MusterError('CONFLICT', { deviceId }, { say: 'The device is revoked.' });
      if (deliver === 'person' && links.of(deviceId).some(canTake)) {
        const say = 'The device is connected and can be told its new token itself: leave out deliver.';
        throw new MusterError('CONFLICT', { deviceId }, { say });
      }
      const isShutOut = (await store.quarantineOf(deviceId))?.quarantined_at != null;
      if (isShutOut && deliver === 'device') {
        const say = 'The device is shut out: carry the new token to the right one (deliver: person), or release it.';
        throw new MusterError('CONFLICT', { deviceId }, { say });
      }
      const now = clock.now();
      const token = newSecret();
      const rotationId = newId(now);
      const row: RotationRow = {
        rotation_id: rotationId,
        device_id: deviceId,
        token_hash: hashSecret(token),
        sealed_token: deliver === 'person' ? null : seal.seal(token, [rotationId]),
        state: deliver === 'person' ? 'told' : 'waiting',
        to_person: deliver === 'person',
        job_id: jobId ?? null,
        fault: null,
        created_at: now,
        // two may have the old one: it ends at once
        grace_ends_at: isShutOut ? now : now + graceMs,
        told_at: deliver === 'person' ? now : null,
        ended_at: null,
      };
      try {
        await store.begin(row);
        if (isShutOut) await store.release(deviceId);
      } catch (error) {
        if (!isUniqueViolation(error, 'token_rotations_open')) throw error;
        const say = 'A new token of this device is under way: wait for it, or cancel it.';
        throw new MusterError('CONFLICT', { deviceId }, { say });
      }
      bus.publish('credentials.changed', { deviceId });
      return { rotation: toRotation(row), token: deliver === 'person' ? token : null };
    },

    async cancel(deviceId) {
      const row = await store.giveUp({ deviceId }, 'cancelled', null, clock.now());
      if (row === undefined) {
        throw new MusterError('CONFLICT', { deviceId }, { say: 'No new token of this device is under way.' });
      }
      bus.publish('credentials.changed', { deviceId });
    },

    async of(deviceId) {
      const last = await store.last(deviceId);
      const shutOut = await store.quarantineOf(deviceId);
      const keyed = await store.keyedSince(deviceId);
      const tokens = (await store.tokens(deviceId)).map((row) => toCredential(row, last));
      const key: DeviceCredential[] =
        keyed === null
          ? []
          : [{ kind: 'hmacKey', state: 'active', fingerprint: null, madeAt: keyed, lastUsedAt: null, endsAt: null }];
      return {
        deviceId,
        credentials: [...tokens, ...key],
        rotation: last === undefined ? null : toRotation(last),
        quarantine:
          shutOut?.quarantined_at == null
            ? null
            : { at: shutOut.quarantined_at, reason: shutOut.quarantine_reason ?? '' },
      };
    },

    async confirm(deviceId, rotationId) {
      if (!(await store.confirm(rotationId, clock.now()))) return;
      log.info({ deviceId }, 'a device uses its new token; the old ones ended');
      bus.publish('credentials.changed', { deviceId });
    },

    async tokenFor(deviceId) {
      const row = await openOf(deviceId);
      const token = row === undefined ? null : tokenOf(row);
      if (row !== undefined && token !== null) await store.told(row.rotation_id, clock.now());
      return token;
    },

    deviceReady,
    tell,

    async reply(deviceId, { commandId, state, error }) {
      const row = await store.rotation(commandId);
      if (row?.device_id !== deviceId) return false;
      if (state !== 'rejected' && state !== 'failed') return true;
      const fault = `${error?.code ?? 'DEVICE_ERROR'} ${error?.message ?? ''}`.trim().slice(0, LIMITS.textChars);
      const ended = await store.giveUp({ deviceId, rotationId: commandId }, 'refused', fault, clock.now());
      if (ended !== undefined) {
        log.info({ deviceId }, 'a device refused its new token');
        bus.publish('credentials.changed', { deviceId });
      }
      return true;
    },
  };
}

function toCredential(row: CredentialTables['device_tokens'], last: RotationRow | undefined): DeviceCredential {
  const isNew = last !== undefined && last.ended_at === null && last.token_hash.equals(row.token_hash);
  return {
    kind: 'token',
    state: row.ends_at !== null ? 'ending' : isNew ? 'new' : 'active',
    fingerprint: row.token_hash.subarray(0, 8).toString('hex'),
    madeAt: row.created_at,
    lastUsedAt: row.last_used_at,
    endsAt: row.ends_at,
  };
}

export function toRotation(row: RotationRow): TokenRotation {
  return {
    rotationId: row.rotation_id,
    deviceId: row.device_id,
    state: row.state,
    toldBy: row.to_person ? 'person' : 'device',
    jobId: row.job_id,
    fault: row.fault,
    createdAt: row.created_at,
    toldAt: row.told_at,
    graceEndsAt: row.grace_ends_at,
    endedAt: row.ended_at,
  };
}
