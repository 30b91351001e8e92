import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import type { Logger } from '../../platform/log.ts';
import type { DeviceLink, DeviceLinks } from '../links.ts';
import type { CredentialStore } from './store.ts';

/** Two that throw each other out: so many within the window, as the alert rule `clone` counts them. */
const TAKE_OVERS = 5;
const WINDOW_MS = 600_000;
/** A device is told of at most so often, ms. */
const AGAIN_MS = 60_000;
const MOST = 10_000;

interface Named {
  readonly deviceId: string;
  readonly siteId: string;
}

/**
 * Notices that two devices use one identity, tells the alerts, and shuts the identity out where its site wants that. What
 * anybody can claim without a secret (a hardware id at a boot request) is told and never shuts anybody out.
 */
export interface Clones {
  /** Looks at the connections that one token opened here. */
  look(): void;
  /** Something knocked with the hardware id of this device and another client id. */
  knocked(device: Named): void;
  /** The device itself was here, with its secret or its own client id. */
  proved(device: Named): void;
  stop(): void;
}

export function createClones(deps: {
  readonly store: Pick<CredentialStore, 'quarantine'>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly links: DeviceLinks;
}): Clones {
  const { store, clock, bus, log, links } = deps;
  const takeOvers = new Map<string, number[]>();
  const strangers = new Map<string, number>();
  const toldAt = new Map<string, number>();
  /** When two connections were first seen beside each other, by the newer of them; monotonic ms. */
  const together = new WeakMap<DeviceLink, number>();
  const end = bus.subscribe('device.refused', ({ deviceId, siteId, code, count }) => {
    if (code !== 'SESSION_REPLACED') return;
    const now = clock.monotonic();
    const times = (takeOvers.get(deviceId) ?? []).filter((at) => now - at < WINDOW_MS);
    times.push(...Array.from({ length: Math.min(count, TAKE_OVERS) }, () => now));
    takeOvers.delete(deviceId);
    takeOvers.set(deviceId, times);
    forgetOldest(takeOvers, MOST);
    if (times.length < TAKE_OVERS) return;
    takeOvers.delete(deviceId);
    // the alert rule counts the same by itself
    shutOut({ deviceId, siteId }, 'Connections threw each other out again and again.');
  });

  function tell({ deviceId, siteId }: Named): void {
    const now = clock.monotonic();
    if (now - (toldAt.get(deviceId) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
    toldAt.delete(deviceId);
    toldAt.set(deviceId, now);
    forgetOldest(toldAt, MOST);
    bus.publish('device.refused', { deviceId, siteId, code: 'IDENTITY_SHARED', count: 1 });
  }

  function shutOut({ deviceId }: Named, reason: string): void {
    store
      .quarantine(deviceId, reason, clock.now())
      .then((isNew) => {
        if (!isNew) return;
        log.warn({ deviceId }, 'a device was shut out: two seem to use its identity');
        bus.publish('device.revoked', { deviceId, code: 'DEVICE_QUARANTINED' });
        bus.publish('credentials.changed', { deviceId });
      })
      .catch((error: unknown) => log.warn({ err: error, deviceId }, 'a device could not be shut out; trying again'));
  }

  /** Both said something after both were open: one that only moved has left a connection behind that is silent. */
  function overlap(those: readonly DeviceLink[]): boolean {
    const talking = those.filter(({ address, heardAt }) => address != null && heardAt !== undefined);
    const newest = talking.at(-1);
    if (newest === undefined || new Set(talking.map(({ address }) => address)).size < 2) return false;
    const since = together.get(newest);
    if (since === undefined) {
      together.set(newest, clock.monotonic());
      return false;
    }
    const heard = talking.filter(({ heardAt }) => (heardAt?.() ?? 0) > since);
    return new Set(heard.map(({ address }) => address)).size > 1;
  }

  return {
    look() {
      for (const those of links.shared()) {
        const [one] = those;
        if (one === undefined || !overlap(those)) continue;
        tell(one);
        shutOut(one, 'Its token is used from two network addresses at the same time.');
      }
    },
    knocked({ deviceId }) {
      strangers.delete(deviceId);
      strangers.set(deviceId, clock.monotonic());
      forgetOldest(strangers, MOST);
    },
    proved(device) {
      const at = strangers.get(device.deviceId);
      if (at === undefined) return;
      strangers.delete(device.deviceId);
      if (clock.monotonic() - at < WINDOW_MS) tell(device);
    },
    stop: end,
  };
}
