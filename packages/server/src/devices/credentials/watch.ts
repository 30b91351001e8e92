import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Logger } from '../../platform/log.ts';
import type { CredentialStore, EndedToken } from './store.ts';

/** How often the database is asked which tokens ended: the bus may lose that they did, or be away, ms. */
const LOOK_MS = 2_000;
/** So much earlier or later, so that servers do not ask together. */
const JITTER = 0.1;
/**
 * Each look goes back so far before the last, ms: longer than a transaction may take, so that one that was stored late is
 * seen; and than a connection is on its way in after its token was read.
 */
const OVERLAP_MS = 45_000;
/** Ends are forgotten after this, ms; a server that did not reach its database for longer had nobody connected. */
const KEEP_MS = 7 * 86_400_000;
/** How long a token of a device that was decommissioned is told so, ms. */
const KEEP_DECOMMISSIONED_MS = 365 * 86_400_000;
const PRUNE_MS = 3_600_000;

/** Closes what is open here by a token that ended, wherever that happened: within 5 s, with the bus or without. */
export interface CredentialWatch {
  /** Something changed: look now. */
  wake(): void;
  start(): void;
  stop(): Promise<void>;
}

export function createCredentialWatch(deps: {
  readonly store: Pick<CredentialStore, 'endedSince' | 'endGraces' | 'untold' | 'prune'>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  /** Forgets these tokens and closes what they opened here. Called again for some time with the same. */
  readonly onEnded: (ended: readonly EndedToken[]) => void;
  /** Called at each look. */
  readonly onLook: () => void;
  /** A token of the device is seen to have ended for the first time: nothing of the device may stay open. */
  readonly onDeviceEnded: (ended: EndedToken & { readonly deviceId: string }) => void;
  /** Devices with a new token, held by some server. */
  readonly onUntold: (deviceIds: readonly string[]) => void;
}): CredentialWatch {
  const { store, clock, log } = deps;
  /** By their number, until when they may be found again; monotonic ms. */
  const seen = new Map<number, number>();
  let since: number | null = null;
  let prunedAt = clock.monotonic();
  let looking: Promise<void> | null = null;
  let again = false;
  let stopped = false;
  let cancel = (): void => undefined;
  let unsubscribe = (): void => undefined;

  async function look(): Promise<void> {
    deps.onLook();
    for (const deviceId of await store.endGraces(clock.now())) deps.bus.publish('credentials.changed', { deviceId });
    const { now, ended } = await store.endedSince(since, OVERLAP_MS);
    since = now - OVERLAP_MS;
    if (ended.length > 0) deps.onEnded(ended);
    for (const one of ended) {
      const isNew = !seen.has(one.endId);
      seen.set(one.endId, clock.monotonic() + 2 * OVERLAP_MS);
      if (isNew && one.code !== 'TOKEN_REPLACED' && one.deviceId !== null) {
        deps.onDeviceEnded({ ...one, deviceId: one.deviceId });
      }
    }
    for (const [endId, until] of seen) if (until < clock.monotonic()) seen.delete(endId);
    deps.onUntold(await store.untold());
    if (clock.monotonic() - prunedAt > PRUNE_MS) {
      prunedAt = clock.monotonic();
      await store.prune(clock.now() - KEEP_MS, clock.now() - KEEP_DECOMMISSIONED_MS);
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
      .catch((error: unknown) => log.warn({ err: error }, 'ended tokens could not be looked for; trying again'))
      .finally(() => {
        looking = null;
        if (again) {
          again = false;
          wake();
        } else if (!stopped) cancel = clock.after(LOOK_MS * (1 - JITTER + 2 * JITTER * Math.random()), wake);
      });
  }

  return {
    wake,
    start() {
      unsubscribe = deps.bus.subscribe('credentials.changed', wake);
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
