import { type JsonObject, MusterError, type Twin, type TwinDelta, type TwinState } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import type { Logger } from '../../platform/log.ts';
import type { DeviceLinks } from '../links.ts';
import { deltaOf } from './delta.ts';
import { mergeHalf } from './merge.ts';
import { createTwinStore, type TwinRow, type TwinTables } from './store.ts';

/** A device as its twin needs it. */
interface Owner {
  readonly deviceId: string;
  readonly siteId: string;
}

export interface Twins {
  read(deviceId: string): Promise<Twin>;
  /** The device says what it is. Resolves when that is stored. TWIN_TOO_LARGE, MESSAGE_TOO_DEEP. */
  report(device: Owner, patch: JsonObject): Promise<TwinState>;
  /**
   * A person says what it shall be; the device is told at once if it is connected, and at its next connection if not.
   * TWIN_CONFLICT when `version` is given and is not the present one.
   */
  desire(device: Owner, patch: JsonObject, version?: number): Promise<Twin>;
  /** What a device that comes back has yet to do; null when it has done everything. */
  delta(deviceId: string): Promise<TwinDelta | null>;
}

export function createTwins(deps: {
  readonly db: Database<TwinTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly links: DeviceLinks;
}): Twins {
  const { clock, bus, log, links } = deps;
  const store = createTwinStore(deps.db);
  // each device that connects is told what it has yet to do
  const gathered = createGather(store.findAll);
  bus.subscribe('twin.changed', ({ deviceId, half }) => {
    // also when another server changed it: the device may be connected here
    if (half === 'desired')
      tell(deviceId).catch((error: unknown) => log.warn({ err: error, deviceId }, 'a delta was not sent'));
  });

  /** Devices that are being told, and whether the twin has changed since it was read. */
  const telling = new Map<string, { again: boolean }>();

  /** One after the other: of two changes the older must not come last. */
  async function tell(deviceId: string): Promise<void> {
    if (links.of(deviceId).length === 0) return;
    const under = telling.get(deviceId);
    if (under !== undefined) {
      under.again = true;
      return;
    }
    const mine = { again: true };
    telling.set(deviceId, mine);
    try {
      while (mine.again) {
        mine.again = false;
        const delta = deltaFrom(await store.find(deviceId));
        if (delta !== null) for (const link of links.of(deviceId)) link.twinDelta(delta);
      }
    } finally {
      telling.delete(deviceId);
    }
  }

  function changed({ deviceId, siteId }: Owner, row: TwinRow, half: 'desired' | 'reported'): void {
    const { desired_version: desiredVersion, reported_version: reportedVersion } = row;
    bus.publish('twin.changed', { deviceId, siteId, half, desiredVersion, reportedVersion });
  }

  return {
    read: async (deviceId) => toTwin(await store.find(deviceId)),
    delta: async (deviceId) => deltaFrom(await gathered(deviceId)),

    async report(device, patch) {
      const { row, changed: isNew } = await store.change(device.deviceId, 'reported', (before) =>
        mergeHalf({ value: before.reported, times: before.reported_times }, patch, clock.now()),
      );
      if (isNew) changed(device, row, 'reported');
      return toState(row);
    },

    async desire(device, patch, version) {
      const { row, changed: isNew } = await store.change(device.deviceId, 'desired', (before) => {
        if (version !== undefined && version !== before.desired_version) {
          const say = `The twin has version ${before.desired_version} now, not ${version}. Read it again.`;
          throw new MusterError('TWIN_CONFLICT', { version: before.desired_version }, { say });
        }
        return mergeHalf({ value: before.desired, times: before.desired_times }, patch, clock.now());
      });
      if (isNew) changed(device, row, 'desired');
      return toTwin(row);
    },
  };
}

function deltaFrom(row: TwinRow | undefined): TwinDelta | null {
  if (row === undefined) return null;
  const delta = deltaOf(row.desired, row.reported);
  return Object.keys(delta).length === 0 ? null : { version: row.desired_version, delta };
}

function toState(row: TwinRow | undefined): TwinState {
  return {
    desired: row?.desired ?? {},
    desiredVersion: row?.desired_version ?? 0,
    reported: row?.reported ?? {},
    reportedVersion: row?.reported_version ?? 0,
    delta: deltaOf(row?.desired ?? {}, row?.reported ?? {}),
  };
}

function toTwin(row: TwinRow | undefined): Twin {
  return {
    ...toState(row),
    desiredTimes: row?.desired_times ?? {},
    reportedTimes: row?.reported_times ?? {},
  };
}
