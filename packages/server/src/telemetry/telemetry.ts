import { type EventMessage, LIMITS, MusterError, type TelemetryMessage } from '@muster/contract';
import type { Pool } from 'pg';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import { newId } from '../platform/ids.ts';
import type { Logger } from '../platform/log.ts';
import type { Metrics } from '../platform/metrics.ts';
import { createBatcher } from './batcher.ts';
import { DAY_MS, type TelemetryConfig } from './config.ts';
import { checkObject, type Point, pointsOf, type Source } from './points.ts';
import { createReader, type Reader } from './reader.ts';
import { createRetention } from './retention.ts';
import { createRollups } from './rollups.ts';
import { checkKinds, createSeriesIndex, fits, type Series, type SeriesUnits } from './series.ts';
import { createStreamIndex } from './streams.ts';
import { createTables } from './tables.ts';
import { createExporter, type Exporter } from './transfer/export.ts';
import type { InRow } from './transfer/rows.ts';
import { createRowStore } from './transfer/store-rows.ts';
import { type Entry, writeBatch } from './writer.ts';

export interface Telemetry extends Reader {
  /** What leaves as files. */
  readonly exporter: Exporter;
  /**
   * Stores measurements of a file: of the same series, instant and number the later one counts. Nobody is told of them:
   * they are no news. Gives a fault for each that is refused. Rejects as `ingest` does with what is to be sent again.
   */
  storeRows(source: Source, rows: readonly InRow[]): Promise<readonly (string | null)[]>;
  /** How many of them to store together. */
  readonly rowsTogether: number;
  /**
   * Stores the points of a message. Resolves when they are committed; a message whose stream and number were stored
   * before is not stored again. Rejects with MESSAGE_INVALID, TIME_IMPOSSIBLE, SERIES_KIND, SERIES_LIMIT, STREAM_LIMIT, and, to be
   * sent again: QUEUE_FULL, DATABASE_UNAVAILABLE, STORAGE_FULL, SERVER_STOPPING. A message is taken whole or not at all.
   */
  ingest(source: Source, message: TelemetryMessage): Promise<void>;
  /** The same for an event. */
  ingestEvent(source: Source, message: EventMessage): Promise<void>;
  /** Rolls up and drops what is out of date now, instead of at its time. */
  maintain(): Promise<void>;
  /** Points that wait to be stored, and how the last batches went. */
  state(): {
    readonly waiting: number;
    readonly storedAt: number | null;
    readonly failedAt: number | null;
    readonly failure: string | null;
  };
  start(): void;
  /** Stores what is on its way. */
  stop(): Promise<void>;
}

export interface TelemetryDeps {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly metrics: Metrics;
  readonly config: TelemetryConfig;
  /** Kinds and units of the series that devices of this kind have; null when nobody said. */
  readonly unitsOf: (deviceId: string) => Promise<SeriesUnits | null>;
  /** How long the site keeps its measurements, days: one of KEEP_DAYS. */
  readonly keepDaysOf: (siteId: string) => Promise<number>;
}

const NO_POINTS: readonly Point[] = [];
const NO_SERIES: readonly number[] = [];
/** The stream of messages that name none. */
const MAIN = 'main';
/** Roll-ups are looked at this often, and tables so often, ms. */
const ROLLUP_MS = 10_000;
const TABLES_MS = 3_600_000;

export async function createTelemetry(deps: TelemetryDeps): Promise<Telemetry> {
  const { pool, clock, log, bus, metrics, config } = deps;
  const tables = await createTables(pool, clock, log);
  const series = createSeriesIndex(pool, () => clock.now(), deps.unitsOf);
  const streams = createStreamIndex(pool);
  const rollups = createRollups(pool, clock, tables);
  const retention = createRetention({ pool, clock, tables });
  const reader = createReader({ pool, tables, series, rollups });
  const stored = metrics.counter('muster_telemetry_points_total', 'Points stored');
  const doubled = metrics.counter('muster_telemetry_duplicates_total', 'Messages that were stored before');
  const seconds = metrics.histogram(
    'muster_telemetry_batch_seconds',
    'Time to store a batch',
    [],
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  /** Kept for a minute: a site changes it once in its life. */
  const keepDays = new Map<string, { readonly days: number; readonly until: number }>();
  bus.subscribe('site.changed', ({ siteId }) => void keepDays.delete(siteId));
  bus.subscribe('device.changed', ({ deviceId }) => {
    series.forget(deviceId);
    streams.forget(deviceId);
  });

  const batcher = createBatcher({
    clock,
    log,
    config,
    write: (entries) => writeBatch(pool, tables, clock, entries).then((fresh) => count(entries, fresh)),
    onStored(fresh, tookMs) {
      seconds.observe(tookMs / 1_000);
      publish(fresh);
    },
  });
  metrics.gauge('muster_telemetry_waiting_points', 'Points that wait to be stored', () => batcher.waiting());

  function count(entries: readonly Entry[], fresh: readonly Entry[]): readonly Entry[] {
    if (fresh.length < entries.length) doubled.inc(entries.length - fresh.length);
    let points = 0;
    for (const entry of fresh) points += entry.points.length;
    stored.inc(points);
    return fresh;
  }

  function publish(fresh: readonly Entry[]): void {
    const batches = fresh.filter(({ points, seqs }) => points.length > 0 && seqs === undefined);
    if (batches.length > 0) bus.publish('telemetry.stored', { batches });
    for (const { deviceId, siteId, receivedAt, event } of fresh) {
      if (event === null) continue;
      const { eventId, name, level, data, at } = event;
      bus.publish('device.event', { deviceId, siteId, eventId, name, level, data, at, receivedAt });
    }
  }

  async function keepDaysOf(siteId: string): Promise<number> {
    const days = await deps.keepDaysOf(siteId);
    keepDays.set(siteId, { days, until: clock.monotonic() + 60_000 });
    return days;
  }

  function knownKeepDays(siteId: string): number | null {
    const found = keepDays.get(siteId);
    return found === undefined || found.until < clock.monotonic() ? null : found.days;
  }

  function entryOf(source: Source, days: number, message: { stream?: string; seq?: number }, receivedAt: number) {
    const { deviceId, siteId } = source;
    return { deviceId, siteId, keepDays: days, stream: message.stream ?? MAIN, seq: message.seq ?? null, receivedAt };
  }

  /** Ids of the series, in the order of the points; null when one is not known yet. */
  function idsOf(known: ReadonlyMap<string, Series> | undefined, points: readonly Point[]): number[] | null {
    if (known === undefined) return null;
    const ids: number[] = [];
    for (const point of points) {
      const found = known.get(point.series);
      if (found === undefined) return null;
      if (!fits(found.kind, point.kind)) checkKinds(known, points);
      ids.push(found.seriesId);
    }
    return ids;
  }

  async function ingestSlowly(source: Source, message: TelemetryMessage): Promise<void> {
    const days = knownKeepDays(source.siteId) ?? (await keepDaysOf(source.siteId));
    const now = clock.now();
    const points = pointsOf(message, now, now - days * DAY_MS);
    const known = await series.add(source.deviceId, points);
    const seriesIds = idsOf(known, points);
    if (seriesIds === null) throw new MusterError('SERIES_UNKNOWN', { deviceId: source.deviceId });
    if (message.seq !== undefined) await streams.add(source.deviceId, message.stream ?? MAIN);
    return batcher.add({ ...entryOf(source, days, message, now), points, seriesIds, event: null });
  }

  const stopping = new AbortController();
  const rollingUp = repeat('roll-ups', async () => {
    await rollups.run(stopping.signal);
    return ROLLUP_MS;
  });
  const keeping = repeat('tables of measurements', async () =>
    (await retention.run(stopping.signal)) ? ROLLUP_MS : TABLES_MS,
  );

  /** Runs a task over and over; it says after how long again, ms. After a failure: ROLLUP_MS. */
  function repeat(what: string, task: () => Promise<number>): { start(): void; stop(): Promise<void> } {
    let cancel = (): void => undefined;
    let running: Promise<void> = Promise.resolve();
    const start = (): void => {
      running = task()
        .catch((error: unknown) => {
          log.warn({ err: error, what }, 'measurements were not looked after; trying again');
          return ROLLUP_MS;
        })
        .then((afterMs) => {
          if (!stopping.signal.aborted) cancel = clock.after(afterMs, start);
        });
    };
    return {
      start,
      async stop() {
        cancel();
        await running;
      },
    };
  }

  const storeRows = createRowStore({
    series,
    async begin(source) {
      const days = knownKeepDays(source.siteId) ?? (await keepDaysOf(source.siteId));
      const now = clock.now();
      return { now, oldest: now - days * DAY_MS, entry: entryOf(source, days, {}, now) };
    },
    add: (entry) => batcher.add(entry),
  });

  return {
    ...reader,
    exporter: createExporter({ pool, tables, series }),
    storeRows,
    rowsTogether: Math.min(config.batchPoints, config.queuePoints >> 1),
    ingest(source, message) {
      try {
        const days = knownKeepDays(source.siteId);
        if (days === null) return ingestSlowly(source, message);
        const now = clock.now();
        const points = pointsOf(message, now, now - days * DAY_MS);
        const seriesIds = idsOf(series.known(source.deviceId), points);
        const counted = message.seq === undefined || streams.knows(source.deviceId, message.stream ?? MAIN);
        if (seriesIds === null || !counted) return ingestSlowly(source, message);
        return batcher.add({ ...entryOf(source, days, message, now), points, seriesIds, event: null });
      } catch (error) {
        return Promise.reject(error);
      }
    },
    async ingestEvent(source, message) {
      const days = knownKeepDays(source.siteId) ?? (await keepDaysOf(source.siteId));
      const now = clock.now();
      const at = message.at ?? now;
      if (at > now + LIMITS.futureMs || at < now - days * DAY_MS) throw new MusterError('TIME_IMPOSSIBLE', { at, now });
      const data = message.data ?? null;
      checkObject(data, message.name);
      const stream = message.stream ?? 'events';
      if (message.seq !== undefined) await streams.add(source.deviceId, stream);
      const event = { eventId: newId(now), name: message.name, level: message.level ?? 'info', data, at };
      const entry = entryOf(source, days, { ...message, stream }, now);
      await batcher.add({ ...entry, points: NO_POINTS, seriesIds: NO_SERIES, event });
    },
    async maintain() {
      await retention.run(stopping.signal);
      await rollups.run(stopping.signal);
    },
    state: () => ({ waiting: batcher.waiting(), ...batcher.state() }),
    start() {
      keeping.start();
      rollingUp.start();
    },
    async stop() {
      stopping.abort();
      await batcher.stop();
      await Promise.all([rollingUp.stop(), keeping.stop()]);
    },
  };
}
