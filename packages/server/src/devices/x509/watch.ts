import { MusterError } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { Bound, CertificateStore } from './store.ts';

/** How often the database is asked whether anything changed: the bus may lose that it did, ms. */
const LOOK_MS = 2_000;
/** From when a certificate was shown to when its connection is known, at most, ms. */
const ARRIVING_MS = 60_000;
/** Fingerprints of one query. */
const AT_ONCE = 5_000;

interface Use {
  readonly deviceId: string;
  readonly endsAt: number;
  /** Monotonic ms. */
  readonly at: number;
}

/** Certificates that let somebody in here: who holds on to a connection when its certificate ends is cut off. */
export interface CertificateWatch {
  /** Lets a device in by what `read` finds of its certificate, and gives its id. CERTIFICATE_REFUSED, which says why. */
  enter(fingerprint: string, read: () => Promise<Bound>): Promise<string>;
  start(): void;
  stop(): Promise<void>;
}

/** Why it lets nobody in now; null when it does. */
function faultOf({ deviceId, isDeviceActive, isAuthorityActive, isRevoked, beginsAt, endsAt }: Bound, now: number) {
  if (deviceId === null || !isDeviceActive) return 'Its device is not in use.';
  if (!isAuthorityActive) return 'Its authority is disabled.';
  if (isRevoked) return 'It was revoked.';
  if (now < beginsAt) return 'It does not hold yet.';
  return now >= endsAt ? 'It has ended.' : null;
}

export function refused(say: string): MusterError {
  return new MusterError('CERTIFICATE_REFUSED', {}, { say });
}

export function createCertificateWatch(deps: {
  readonly store: Pick<CertificateStore, 'bound' | 'version'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly isConnected: (deviceId: string) => boolean;
  /** Closes every connection of a device, and forgets what is known of its credentials. */
  readonly disconnect: (deviceId: string) => void;
}): CertificateWatch {
  const { store, clock, log } = deps;
  const used = new Map<string, Use>();
  let seen = -1;
  /** How often what is used was compared with the database. */
  let compared = 0;
  let looking: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let cancel = (): void => undefined;
  let unsubscribe = (): void => undefined;

  function end(fingerprint: string, { deviceId }: Use): void {
    used.delete(fingerprint);
    log.info({ deviceId, fingerprint }, 'a certificate ended while its device was connected');
    deps.disconnect(deviceId);
  }

  async function look(): Promise<void> {
    const version = await store.version();
    if (version !== seen) {
      compared += 1;
      const all = [...used.keys()];
      for (let at = 0; at < all.length; at += AT_ONCE) await compare(all.slice(at, at + AT_ONCE));
      seen = version;
    }
    const now = clock.now();
    const arrived = clock.monotonic() - ARRIVING_MS;
    for (const [fingerprint, use] of used) {
      if (use.endsAt <= now) end(fingerprint, use);
      else if (use.at < arrived && !deps.isConnected(use.deviceId)) used.delete(fingerprint);
    }
  }

  async function compare(fingerprints: readonly string[]): Promise<void> {
    const found = await store.bound(fingerprints);
    for (const fingerprint of fingerprints) {
      const use = used.get(fingerprint);
      const bound = found.get(fingerprint);
      if (use !== undefined && (bound === undefined || faultOf(bound, clock.now()) !== null)) end(fingerprint, use);
    }
  }

  /** One look at a time; one that is asked for meanwhile follows. */
  function wake(): void {
    if (stopped) return;
    if (looking !== null) {
      again = true;
      return;
    }
    cancel();
    looking = look()
      .catch((error: unknown) => log.warn({ err: error }, 'certificates could not be looked after; trying again'))
      .finally(() => {
        looking = null;
        if (again) {
          again = false;
          wake();
        } else if (!stopped) cancel = clock.after(LOOK_MS, wake);
      });
  }

  return {
    async enter(fingerprint, read) {
      // an answer from before a comparison may be older than it, and would not be compared again
      for (;;) {
        const before = compared;
        const bound = await read();
        if (before !== compared) continue;
        const fault = faultOf(bound, clock.now());
        if (fault !== null || bound.deviceId === null) throw refused(fault ?? 'Its device is gone.');
        used.set(fingerprint, { deviceId: bound.deviceId, endsAt: bound.endsAt, at: clock.monotonic() });
        return bound.deviceId;
      }
    },
    start() {
      unsubscribe = deps.bus.subscribe('certificates.changed', wake);
      wake();
    },
    async stop() {
      stopped = true;
      cancel();
      unsubscribe();
      await looking;
    },
  };
}
