import { TELEMETRY_KEEP_DAYS } from '@muster/contract';
import { type Static, Type } from 'typebox';

/** The telemetry's piece of the configuration. */
export const telemetryConfig = Type.Object({
  batchMs: Type.Integer({
    default: 50,
    minimum: 1,
    maximum: 5_000,
    description: 'How long points wait for others before they are stored together, ms',
  }),
  batchPoints: Type.Integer({
    default: 5_000,
    minimum: 1,
    maximum: 100_000,
    description: 'Points that are stored together at most',
  }),
  queuePoints: Type.Integer({
    default: 200_000,
    minimum: 1_000,
    maximum: 10_000_000,
    description: 'Points that may wait to be stored; past it messages are refused, and devices send them again',
  }),
});
export type TelemetryConfig = Static<typeof telemetryConfig>;

/** How long a site may keep its measurements, days: each is a set of tables. */
export const KEEP_DAYS = TELEMETRY_KEEP_DAYS;
/** Roll-ups of an hour and a day are kept so long at least, days. */
export const ROLLUP_KEEP_DAYS = 730;

export const DAY_MS = 86_400_000;
export const HOUR_MS = 3_600_000;
export const MINUTE_MS = 60_000;
/** A minute is rolled up this long after its end, ms. */
export const ROLLUP_LAG_MS = 90_000;
/** Points older than this when they come are marked, so that their minute is made again if it was made, ms. */
export const LATE_MS = 30_000;
