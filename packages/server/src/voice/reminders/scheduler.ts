import { type Clock, sleep } from '../../platform/clock.ts';
import { within } from '../../platform/deadline.ts';
import type { Logger } from '../../platform/log.ts';
import type { Ringing } from './index.ts';
import type { ReminderRow, ReminderStore } from './store.ts';

/** Longest sleep, ms: how long a clock that was set, or a reminder set by another server, may go unnoticed. */
const MOST_SLEEP_MS = 30_000;
/** Pause when something is due that could not be claimed (another server is at it), ms. */
const BLOCKED_MS = 250;
/** Longest wait for a ring, ms, and the life of a claim: after a crash the reminder rings again this much later. */
const RING_LIMIT_MS = 60_000;
/** Pause after a ring that was not heard on a connected device (somebody was speaking), ms. */
const RETRY_MS = 10_000;
/** Older than this when the device comes back, and a reminder is of no use any more, ms. */
const MISSED_MS = 24 * 3_600_000;
/** Rings at once. Each waits for speech, so this bounds memory, not work. */
const MOST_RINGING = 500;

export interface SchedulerDeps {
  readonly store: ReminderStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly ring: (ringing: Ringing) => Promise<boolean>;
}

export interface Scheduler {
  start(): void;
  /** Stops looking and waits for the rings under way; those cut off ring again after the next start. */
  stop(): Promise<void>;
  /** Looks now instead of at the end of its sleep: something was added, or a device came. */
  wake(): void;
  /** The device has a connection here, maybe a new one in place of the old: it is connected until it is gone. */
  deviceConnected(deviceId: string): void;
  /** The last connection of the device ended. Not to be called for one that was replaced. */
  deviceGone(deviceId: string): void;
}

/** Rings what is due on the devices that are connected here, one reminder per device at a time. */
export function createScheduler({ store, clock, log, ring }: SchedulerDeps): Scheduler {
  const connected = new Set<string>();
  const ringing = new Map<string, Promise<void>>();
  const stopped = new AbortController();
  let nap = new AbortController();
  let woken = false;
  let running: Promise<void> = Promise.resolve();

  function wake(): void {
    woken = true;
    nap.abort();
  }

  async function run(): Promise<void> {
    while (!stopped.signal.aborted) {
      woken = false;
      let sleepMs = RETRY_MS;
      try {
        sleepMs = await look();
      } catch (error) {
        log.error({ err: error }, 'reminders could not be read; trying again');
      }
      if (woken) continue;
      nap = new AbortController();
      await sleep(clock, sleepMs, nap.signal).catch(() => undefined); // woken early
    }
  }

  /** Rings what is due and gives the time until the next look, ms. */
  async function look(): Promise<number> {
    const now = clock.now();
    const missed = await store.miss(now - MISSED_MS);
    if (missed > 0) log.info({ missed }, 'reminders were too old to ring');
    const free = [...connected].filter((deviceId) => !ringing.has(deviceId));
    const room = MOST_RINGING - ringing.size;
    if (free.length === 0 || room <= 0) return MOST_SLEEP_MS;
    for (const row of await store.claim(free, now, now + RING_LIMIT_MS, room)) {
      if (stopped.signal.aborted) break;
      const done = ringOne(row).finally(() => {
        ringing.delete(row.device_id);
        wake();
      });
      ringing.set(row.device_id, done);
    }
    const nextAt = await store.nextAt(free.filter((deviceId) => !ringing.has(deviceId)));
    if (nextAt === null) return MOST_SLEEP_MS;
    const sleepMs = nextAt - clock.now();
    return sleepMs > 0 ? Math.min(sleepMs, MOST_SLEEP_MS) : BLOCKED_MS;
  }

  async function ringOne(row: ReminderRow): Promise<void> {
    const { reminder_id: reminderId, device_id: deviceId, kind, label, due_at: dueAt } = row;
    const lateMs = Math.max(0, clock.now() - dueAt);
    const deadline = { ms: RING_LIMIT_MS, code: 'TURN_LIMIT', signal: stopped.signal } as const;
    const heard = await within(clock, deadline, () => ring({ reminderId, deviceId, kind, label, dueAt, lateMs })).catch(
      (error: unknown) => {
        if (!stopped.signal.aborted) log.warn({ reminderId, err: error }, 'a reminder did not ring');
        return false;
      },
    );
    try {
      if (heard) await store.confirm(reminderId, clock.now());
      else await store.release(reminderId, stopped.signal.aborted ? 0 : clock.now() + RETRY_MS);
    } catch (error) {
      log.warn({ reminderId, err: error }, 'a reminder could not be marked; its claim runs out by itself');
    }
  }

  async function freeClaims(deviceId: string): Promise<void> {
    if (!ringing.has(deviceId)) await store.releaseDevice(deviceId);
    wake();
  }

  return {
    wake,
    start() {
      running = run();
    },
    async stop() {
      stopped.abort();
      wake();
      await running;
      await Promise.allSettled(ringing.values());
    },
    deviceConnected(deviceId) {
      connected.add(deviceId);
      freeClaims(deviceId).catch((error: unknown) =>
        log.warn({ err: error }, 'claims on reminders could not be freed'),
      );
    },
    deviceGone(deviceId) {
      connected.delete(deviceId);
    },
  };
}
