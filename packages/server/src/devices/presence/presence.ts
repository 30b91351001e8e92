import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { DeviceLinks } from '../links.ts';
import { createPresenceStore, type PresenceTables } from './store.ts';

/**
 * Which server holds which device, for all servers on one database. The newest connection counts; a server that stops
 * beating is dead after DEAD_MS and what it held is void.
 */
export interface Presence {
  readonly serverId: string;
  /**
   * A device got a connection here, or lost its last. `keeps`: whether it keeps one while it is on. Returns at once;
   * stored in batches.
   */
  changed(deviceId: string, keeps: boolean): void;
  /** A device spoke without a connection. Returns at once; stored in batches, once a minute for each device. */
  heard(deviceId: string): void;
  /** Resolves when this server is known to the others. */
  start(): Promise<void>;
  /** What this server held is void when it resolves. */
  stop(): Promise<void>;
}

/** A server says that it lives this often, ms. */
const BEAT_MS = 2_000;
/** Every so many beats all that is held here is compared with what is stored, and last-seen is freshened. */
const BEATS_A_ROUND = 30;
/** How long after another server spoke of a device of ours its row is looked at; and for how many beats more. */
const DOUBT_MS = 100;
const DOUBT_BEATS = 3;
/** A device that is heard without a connection is written at most so often, ms. */
const HEARD_MS = 60_000;

export function createPresence(deps: {
  readonly db: Database<PresenceTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly links: DeviceLinks;
}): Presence {
  const { clock, bus, log, links } = deps;
  const serverId = newId(clock.now());
  const store = createPresenceStore(deps.db, serverId);
  /** Devices whose row may differ from what is so, to whether they keep a connection; never more than there are devices. */
  const dirty = new Map<string, boolean>();
  /** Devices that spoke without a connection and whose row does not say so yet. */
  const heard = new Set<string>();
  /** When a device was last taken into `heard`, monotonic ms; the oldest first, none older than a minute and a beat. */
  const heardAt = new Map<string, number>();
  /** Devices of ours that another server says it got, to the beats for which that is looked at. */
  const doubted = new Map<string, number>();
  let writing: Promise<void> | null = null;
  let cancelBeat: (() => void) | null = null;
  let cancelDoubt: (() => void) | null = null;
  let beating: Promise<void> | null = null;
  let beats = 0;
  let wasHeard = true;
  let stopped = false;
  const isHere = (deviceId: string): boolean => links.of(deviceId).length > 0;

  const ends = [
    bus.subscribe('device.connected', ({ deviceId }, origin) => {
      if (origin === 'here' || !isHere(deviceId)) return;
      doubted.set(deviceId, DOUBT_BEATS);
      cancelDoubt ??= clock.after(DOUBT_MS, () => {
        cancelDoubt = null;
        guarded(yieldMoved([...doubted.keys()]));
      });
    }),
    bus.subscribe('device.disconnected', ({ deviceId, siteId }, origin) => {
      // the server that it left says that it is gone: it is here
      if (origin === 'elsewhere' && isHere(deviceId)) bus.publish('device.connected', { deviceId, siteId });
    }),
  ];

  function guarded(work: Promise<void>): void {
    work.catch((error: unknown) => log.warn({ err: error }, 'presence was not stored; it is tried again'));
  }

  /** One statement at a time: what changes meanwhile is the next batch. */
  async function write(): Promise<void> {
    while (dirty.size > 0 || heard.size > 0) {
      await writeChanged();
      await writeHeard();
    }
  }

  async function writeChanged(): Promise<void> {
    if (dirty.size === 0) return;
    const batch = new Map([...dirty].slice(0, store.batch));
    for (const deviceId of batch.keys()) dirty.delete(deviceId);
    const here = [...batch.keys()].filter(isHere);
    const gone = [...batch.keys()].filter((deviceId) => !isHere(deviceId));
    try {
      if (here.length > 0) await store.take(here);
      if (gone.length > 0) await store.leave(gone);
      await store.seen(batch, clock.now());
    } catch (error) {
      // what was told since is newer
      for (const [deviceId, keeps] of batch) if (!dirty.has(deviceId)) dirty.set(deviceId, keeps);
      throw error;
    }
  }

  async function writeHeard(): Promise<void> {
    if (heard.size === 0) return;
    const batch = [...heard].slice(0, store.batch);
    for (const deviceId of batch) heard.delete(deviceId);
    try {
      for (const device of await store.heard(batch, clock.now())) {
        if (!isHere(device.deviceId)) bus.publish('device.disconnected', { ...device, expected: true });
      }
    } catch (error) {
      for (const deviceId of batch) heard.add(deviceId);
      throw error;
    }
  }

  function flush(): Promise<void> {
    writing ??= write().finally(() => {
      writing = null;
    });
    return writing;
  }

  /** Gives up the connections of devices that connected to another server since. */
  async function yieldMoved(deviceIds: readonly string[]): Promise<void> {
    for (let at = 0; at < deviceIds.length; at += store.batch) {
      const ours = deviceIds.slice(at, at + store.batch).filter((deviceId) => isHere(deviceId) && !dirty.has(deviceId));
      if (ours.length === 0) continue;
      for (const deviceId of await store.heldElsewhere(ours)) {
        // it may have come back in the meantime
        if (dirty.has(deviceId)) continue;
        doubted.delete(deviceId);
        for (const link of links.of(deviceId)) link.close('SESSION_REPLACED');
      }
    }
  }

  async function beat(): Promise<void> {
    beats += 1;
    for (const [deviceId, at] of heardAt) {
      if (clock.monotonic() - at < HEARD_MS) break;
      heardAt.delete(deviceId);
    }
    await store.beat();
    await flush();
    await yieldMoved([...doubted.keys()]);
    for (const [deviceId, left] of doubted) {
      if (left > 1) doubted.set(deviceId, left - 1);
      else doubted.delete(deviceId);
    }
    for (;;) {
      const buried = await store.bury();
      for (const device of buried) if (!isHere(device.deviceId)) bus.publish('device.disconnected', device);
      for (const { deviceId } of buried) if (isHere(deviceId)) renew(deviceId);
      if (buried.length < store.batch) break;
    }
    // what was said while the bus was away was not heard
    const isHeard = bus.state()?.connected !== false;
    const isBack = isHeard && !wasHeard;
    wasHeard = isHeard;
    if (isBack || beats % BEATS_A_ROUND === 0) await goRound();
  }

  /** Puts right what events did not tell: the bus may lose them. */
  async function goRound(): Promise<void> {
    const ours = [...links.deviceIds()];
    await yieldMoved(ours);
    for (let at = 0; at < ours.length; at += store.batch) {
      const page = ours.slice(at, at + store.batch);
      const missing = await store.notHeldHere(page);
      for (const deviceId of missing) if (isHere(deviceId)) renew(deviceId);
      for (const deviceId of await store.revoked(page)) {
        for (const link of links.of(deviceId)) link.close('DEVICE_REVOKED');
      }
    }
    await store.seenAll(clock.now());
  }

  function changed(deviceId: string, keeps: boolean): void {
    if (stopped) return;
    dirty.set(deviceId, keeps);
    // its connection says more than that it was heard before
    heard.delete(deviceId);
    flushSoon();
  }

  /** The row of a device that is here does not say so. */
  function renew(deviceId: string): void {
    changed(
      deviceId,
      links.of(deviceId).some(({ staysOpen }) => staysOpen),
    );
  }

  function flushSoon(): void {
    // those that come in the same turn of the loop go together
    if (writing === null) setImmediate(() => guarded(flush()));
  }

  function plan(): void {
    cancelBeat = clock.after(BEAT_MS, () => {
      beating = beat()
        .catch((error: unknown) => log.warn({ err: error }, 'a beat of this server failed'))
        .finally(() => {
          beating = null;
          if (!stopped) plan();
        });
    });
  }

  return {
    serverId,
    changed,
    heard(deviceId) {
      // while it is connected here it is seen anyway
      if (stopped || isHere(deviceId)) return;
      const now = clock.monotonic();
      const before = heardAt.get(deviceId);
      if (before !== undefined && now - before < HEARD_MS) return;
      heardAt.delete(deviceId);
      heardAt.set(deviceId, now);
      heard.add(deviceId);
      flushSoon();
    },
    async start() {
      await store.beat();
      plan();
    },
    async stop() {
      stopped = true;
      cancelBeat?.();
      cancelDoubt?.();
      for (const end of ends) end();
      await beating;
      dirty.clear();
      heard.clear();
      await writing?.catch((error: unknown) => log.warn({ err: error }, 'presence was not stored'));
      await store.end();
    },
  };
}
