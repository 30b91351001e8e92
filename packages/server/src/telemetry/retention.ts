import type { Pool } from 'pg';
import type { Clock } from '../platform/clock.ts';
import { DAY_MS, KEEP_DAYS, ROLLUP_KEEP_DAYS } from './config.ts';
import { pointsTable, rollupTable, spanOf, type Tables } from './tables.ts';

/** What is out of date goes: most of it with its partition; row by row what a site keeps for a shorter time than it did. */
export interface Retention {
  /** Drops and deletes for a bounded time; true: there is more to delete. */
  run(signal: AbortSignal): Promise<boolean>;
}

/** Rows of one statement, and for how long statements follow each other, ms: others want the disk too. */
const STEP = 20_000;
const RUN_MS = 30_000;

interface Deletion {
  readonly text: string;
  readonly values: readonly number[];
}

export function createRetention(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly tables: Tables;
}): Retention {
  const { pool, clock, tables } = deps;

  /** What sites that keep `kept` days have in tables of sites that keep `days`, from the oldest partition on. */
  function* shortened(kept: number, days: number, now: number): Iterable<Deletion> {
    const rollups = now - Math.max(kept, ROLLUP_KEEP_DAYS) * DAY_MS;
    for (const [table, before, oldest] of [
      [pointsTable(days), now - kept * DAY_MS, now - days * DAY_MS],
      [rollupTable('1m', days), now - kept * DAY_MS, now - days * DAY_MS],
      [rollupTable('1h', days), rollups, now - Math.max(days, ROLLUP_KEEP_DAYS) * DAY_MS],
      [rollupTable('1d', days), rollups, now - Math.max(days, ROLLUP_KEEP_DAYS) * DAY_MS],
    ] as const) {
      const span = spanOf(table) * DAY_MS;
      // one partition at a time, so that the others are not looked at
      for (let from = Math.floor(oldest / span) * span; from < before; from += span) {
        yield {
          text: `DELETE FROM ${table} WHERE at >= $1 AND at < $2 AND (series_id, at) IN (
            SELECT old.series_id, old.at FROM ${table} AS old WHERE old.at >= $1 AND old.at < $2
              AND old.series_id = ANY(ARRAY(SELECT series_id FROM series JOIN devices USING (device_id)
                JOIN sites USING (site_id) WHERE sites.telemetry_keep_days = $3)) LIMIT ${STEP})`,
          values: [from, Math.min(before, from + span), kept],
        };
      }
    }
  }

  function* deletions(inUse: ReadonlySet<number>, now: number): Iterable<Deletion> {
    for (const kept of KEEP_DAYS.filter((days) => inUse.has(days))) {
      yield {
        text: `DELETE FROM device_events WHERE event_id IN (
          SELECT event_id FROM device_events JOIN devices USING (device_id) JOIN sites USING (site_id)
          WHERE received_at < $1 AND sites.telemetry_keep_days = $2 LIMIT ${STEP})`,
        values: [now - kept * DAY_MS, kept],
      };
      for (const days of tables.classes()) if (days > kept) yield* shortened(kept, days, now);
    }
  }

  return {
    async run(signal) {
      await tables.maintain();
      const until = clock.monotonic() + RUN_MS;
      const { rows } = await pool.query<{ days: number }>('SELECT DISTINCT telemetry_keep_days AS days FROM sites');
      const inUse = new Set(rows.map(({ days }) => days));
      for (const { text, values } of deletions(inUse, clock.now())) {
        for (let deleted = STEP; deleted >= STEP; ) {
          if (signal.aborted || clock.monotonic() > until) return true;
          deleted = (await pool.query(text, [...values])).rowCount ?? 0;
        }
      }
      return false;
    },
  };
}
