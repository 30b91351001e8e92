import { createInProcessBus } from '../platform/bus/index.ts';
import { systemClock } from '../platform/clock.ts';
import type { OpenDatabase } from '../platform/db/index.ts';
import { createTestDatabase } from '../platform/db/test-database.fixture.ts';
import { createLogger } from '../platform/log.ts';
import { createMetrics } from '../platform/metrics.ts';
import type { TelemetryConfig } from './config.ts';
import { createTelemetry, type Telemetry, type TelemetryDeps } from './telemetry.ts';

export const SITE = '019a0000-0000-7000-8000-0000000000aa';

/** Telemetry on a real database, or on the one that is given, with `count` devices. `make` makes one server's. */
export async function startTelemetry(
  count: number,
  settings: Partial<TelemetryConfig> = {},
  parts: Partial<TelemetryDeps> = {},
  given?: OpenDatabase & { stop(): Promise<void> },
) {
  const database = given ?? (await createTestDatabase());
  await database.pool.query(
    `INSERT INTO sites (site_id, name, kind, language, time_zone, created_at) VALUES ($1, 'Here', 'lab', 'en', 'UTC', 0)`,
    [SITE],
  );
  const devices = Array.from(
    { length: count },
    (_, nth) => `019a0000-0000-7000-8000-${(nth + 1).toString(16).padStart(12, '0')}`,
  );
  await database.pool.query(
    `INSERT INTO devices (device_id, site_id, name, hardware_id, client_id, proof, state, created_at)
     SELECT id, $2, id::text, id::text, '', 'none', 'active', 0 FROM unnest($1::uuid[]) AS id`,
    [devices, SITE],
  );
  const log = createLogger('silent');
  const bus = parts.bus ?? createInProcessBus(log);
  const make = (others: Partial<TelemetryDeps> = {}): Promise<Telemetry> =>
    createTelemetry({
      pool: database.pool,
      clock: systemClock,
      log,
      metrics: createMetrics(),
      config: { batchMs: 10, batchPoints: 5_000, queuePoints: 200_000, ...settings },
      unitsOf: async () => null,
      keepDaysOf: async () => 90,
      ...parts,
      bus,
      ...others,
    });
  return { database, devices, bus, make, sources: devices.map((deviceId) => ({ deviceId, siteId: SITE })) };
}
