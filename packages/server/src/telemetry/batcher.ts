import { bug, MusterError } from '@muster/contract';
import { DatabaseError } from 'pg';
import type { Clock } from '../platform/clock.ts';
import { translateDatabaseError } from '../platform/db/index.ts';
import { forgetOldest } from '../platform/forget-oldest.ts';
import type { Logger } from '../platform/log.ts';
import type { TelemetryConfig } from './config.ts';
import type { Entry } from './writer.ts';

/** Puts messages together, stores them in one go, and tells each of them how it went. */
export interface Batcher {
  /** Resolves when the commit that holds the entry returned. QUEUE_FULL at once when too much waits. */
  add(entry: Entry): Promise<void>;
  /** Points that wait or are being stored. */
  waiting(): number;
  /** When the last batch failed and when the last one was stored, epoch ms. */
  state(): { readonly storedAt: number | null; readonly failedAt: number | null; readonly failure: string | null };
  /** Stores what waits; refuses what comes after. */
  stop(): Promise<void>;
}

interface Waiting {
  readonly entry: Entry;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lanes side by side, each of which stores one batch at a time. A device has its lane: two batches at once then hold rows
 * of different devices, and neither waits for the locks of the other.
 */
const LANES = 2;
/**
 * A message with more points than this is bulk. Thousands of points of one device take longer to store than all that its
 * neighbours measure meanwhile, so whoever sends bulk has another lane from then on, with all that it sends.
 */
const BULK_POINTS = 500;
const BULK_MS = 60_000;
/** Of the points that may wait, bulk may be so many; and devices that are known to send it. */
const BULK_SHARE = 0.25;
const MOST_BULK_DEVICES = 10_000;

interface Lane {
  line: Waiting[];
  points: number;
  storing: boolean;
  timer: (() => void) | null;
}

export function createBatcher(deps: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: TelemetryConfig;
  /** Stores all or nothing; gives the entries that were new. */
  readonly write: (entries: readonly Entry[]) => Promise<readonly Entry[]>;
  readonly onStored: (fresh: readonly Entry[], took: number) => void;
}): Batcher {
  const { clock, log, config } = deps;
  const createLane = (): Lane => ({ line: [], points: 0, storing: false, timer: null });
  const bulk = createLane();
  /** Device to the end of its time in the lane for bulk, monotonic ms; the oldest first. */
  const bulkUntil = new Map<string, number>();
  const shared = Array.from({ length: LANES }, createLane);
  const lanes = [...shared, bulk];
  let points = 0;
  let stopped = false;
  let idle: (() => void) | null = null;
  let storedAt: number | null = null;
  let failedAt: number | null = null;
  let failure: string | null = null;

  const sizeOf = (entry: Entry): number => Math.max(1, entry.points.length);
  const isIdle = (): boolean => lanes.every(({ storing, line }) => !storing && line.length === 0);

  function schedule(lane: Lane): void {
    if (lane.storing || lane.line.length === 0) return;
    if (lane.points >= config.batchPoints || stopped) run(lane);
    else lane.timer ??= clock.after(config.batchMs, () => run(lane));
  }

  function run(lane: Lane): void {
    lane.timer?.();
    lane.timer = null;
    if (lane.storing || lane.line.length === 0) return;
    let size = 0;
    let count = 0;
    for (const { entry } of lane.line) {
      if (count > 0 && size >= config.batchPoints) break;
      size += sizeOf(entry);
      count += 1;
    }
    const batch = count === lane.line.length ? lane.line : lane.line.slice(0, count);
    lane.line = count === lane.line.length ? [] : lane.line.slice(count);
    lane.points -= size;
    lane.storing = true;
    store(batch).finally(() => {
      lane.storing = false;
      points -= size;
      if (isIdle()) idle?.();
      schedule(lane);
    });
  }

  async function store(batch: readonly Waiting[]): Promise<void> {
    const begun = clock.monotonic();
    try {
      const fresh = await deps.write(batch.map(({ entry }) => entry));
      storedAt = clock.now();
      failure = null;
      deps.onStored(fresh, clock.monotonic() - begun);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      await failed(batch, error);
    }
  }

  /** One bad row must not fail the others: what is no fault of the database is tried again in halves. */
  async function failed(batch: readonly Waiting[], error: unknown): Promise<void> {
    const known = translateDatabaseError(error);
    if (known !== null && known.code !== 'REQUEST_INVALID') {
      failedAt = clock.now();
      failure = known.code;
      log.warn({ err: error, messages: batch.length }, 'a batch was not stored');
      for (const { reject } of batch) reject(known);
      return;
    }
    const [first] = batch;
    if (batch.length === 1 && first !== undefined) {
      log.warn({ err: error, deviceId: first.entry.deviceId }, 'a message was not stored');
      first.reject(
        isData(error)
          ? new MusterError('MESSAGE_INVALID', {}, { cause: error })
          : bug('a message could not be stored', error),
      );
      return;
    }
    const middle = batch.length >> 1;
    await store(batch.slice(0, middle));
    await store(batch.slice(middle));
  }

  function laneOf({ deviceId, points: { length } }: Entry): Lane {
    if (length > BULK_POINTS) {
      bulkUntil.delete(deviceId);
      bulkUntil.set(deviceId, clock.monotonic() + BULK_MS);
      forgetOldest(bulkUntil, MOST_BULK_DEVICES);
    }
    if (bulkUntil.size > 0 && isBulky(deviceId)) return bulk;
    // by the last digit of the id, which is random
    return shared[deviceId.charCodeAt(deviceId.length - 1) % LANES] ?? bulk;
  }

  function isBulky(deviceId: string): boolean {
    const until = bulkUntil.get(deviceId);
    if (until === undefined) return false;
    if (until > clock.monotonic()) return true;
    bulkUntil.delete(deviceId);
    return false;
  }

  return {
    add(entry) {
      const size = sizeOf(entry);
      if (stopped) return Promise.reject(new MusterError('SERVER_STOPPING'));
      if (points + size > config.queuePoints) return Promise.reject(new MusterError('QUEUE_FULL', { points }));
      const lane = laneOf(entry);
      if (lane === bulk && bulk.points > 0 && bulk.points + size > config.queuePoints * BULK_SHARE) {
        return Promise.reject(new MusterError('QUEUE_FULL', { points: bulk.points }));
      }
      points += size;
      lane.points += size;
      return new Promise<void>((resolve, reject) => {
        lane.line.push({ entry, resolve, reject });
        schedule(lane);
      });
    },
    waiting: () => points,
    state: () => ({ storedAt, failedAt, failure }),
    async stop() {
      stopped = true;
      if (isIdle()) return;
      const done = new Promise<void>((resolve) => {
        idle = resolve;
      });
      for (const lane of lanes) run(lane);
      await done;
    },
  };
}

/** PostgreSQL's class 22: a value that it cannot hold. Sent again it fails again. */
function isData(error: unknown): boolean {
  return error instanceof DatabaseError && error.code?.startsWith('22') === true;
}
