import { LIMITS, MusterError, type ValueKind } from '@muster/contract';
import type { Pool } from 'pg';
import { forgetOldest } from '../platform/forget-oldest.ts';
import { createGather } from '../platform/gather.ts';
import { createTurns } from '../platform/turns.ts';

export interface Series {
  readonly seriesId: number;
  readonly name: string;
  readonly kind: ValueKind;
  readonly unit: string | null;
}

/** What the device's kind says of its series, by name. */
export type SeriesUnits = Readonly<Record<string, { readonly kind: ValueKind; readonly unit: string | null }>>;

/** Which series a device has. Kept in memory for devices that send: a device's series only grow, and never change kind. */
export interface SeriesIndex {
  /** What is known without asking the database; undefined for a device that was not looked at yet. */
  known(deviceId: string): ReadonlyMap<string, Series> | undefined;
  /** Those of a device. */
  of(deviceId: string): Promise<ReadonlyMap<string, Series>>;
  /**
   * Makes the missing ones. SERIES_KIND when one holds another kind or the profile says another; SERIES_LIMIT past
   * LIMITS.seriesPerDevice. Nothing is made when one of them is refused.
   */
  add(
    deviceId: string,
    wanted: readonly { readonly series: string; readonly kind: ValueKind }[],
  ): Promise<ReadonlyMap<string, Series>>;
  forget(deviceId: string): void;
}

/** Devices whose series are kept in memory: the one that was read longest ago goes. */
const MOST_DEVICES = 50_000;
interface NewSeries {
  readonly deviceId: string;
  readonly name: string;
  readonly kind: ValueKind;
  readonly unit: string | null;
}

/** Devices whose series are read with one query: each may have LIMITS.seriesPerDevice. */
const DEVICES_AT_ONCE = 200;
/** Messages with new series that wait for each other, over all devices. */
const MOST_WAITING = 10_000;

export function createSeriesIndex(
  pool: Pool,
  now: () => number,
  unitsOf: (deviceId: string) => Promise<SeriesUnits | null>,
): SeriesIndex {
  const devices = new Map<string, Map<string, Series>>();
  /** Those of one device one after the other: else a flood of new names passes its limit side by side. */
  const inTurn = createTurns(MOST_WAITING);

  /** A fleet that comes back to a server that knows nothing yet sends thousands of first messages at once. */
  const stored = createGather(async (deviceIds: readonly string[]) => {
    const { rows } = await pool.query<{
      device_id: string;
      series_id: number;
      name: string;
      kind: ValueKind;
      unit: string | null;
    }>({
      name: 'series of',
      text: 'SELECT device_id, series_id, name, kind, unit FROM series WHERE device_id = ANY($1)',
      values: [deviceIds],
    });
    const found = new Map<string, Map<string, Series>>();
    for (const { device_id, series_id: seriesId, name, kind, unit } of rows) {
      const known = found.get(device_id) ?? new Map();
      found.set(device_id, known.set(name, { seriesId, name, kind, unit }));
    }
    return found;
  }, DEVICES_AT_ONCE);

  async function load(deviceId: string): Promise<Map<string, Series>> {
    const found = (await stored(deviceId)) ?? new Map<string, Series>();
    devices.delete(deviceId);
    devices.set(deviceId, found);
    forgetOldest(devices, MOST_DEVICES);
    return found;
  }

  /** Devices that are new send their first messages together too: a transaction for each would be thousands. */
  const make = createGather(async (all: readonly (readonly NewSeries[])[]) => {
    const rows = all.flat();
    // another server may make them at the same time; a device that is gone by now gets none
    await pool.query(
      `INSERT INTO series (device_id, name, kind, unit, created_at)
       SELECT one.device_id, one.name, one.kind, one.unit, $5
       FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
         WITH ORDINALITY AS one (device_id, name, kind, unit, nth)
       JOIN devices USING (device_id) ORDER BY one.device_id, one.nth ON CONFLICT DO NOTHING`,
      [
        rows.map(({ deviceId }) => deviceId),
        rows.map(({ name }) => name),
        rows.map(({ kind }) => kind),
        rows.map(({ unit }) => unit),
        now(),
      ],
    );
    return new Map<readonly NewSeries[], never>();
  }, DEVICES_AT_ONCE);

  async function of(deviceId: string): Promise<Map<string, Series>> {
    return devices.get(deviceId) ?? load(deviceId);
  }

  async function add(
    deviceId: string,
    wanted: readonly { readonly series: string; readonly kind: ValueKind }[],
  ): Promise<ReadonlyMap<string, Series>> {
    const found = await of(deviceId);
    const missing = new Map(wanted.filter(({ series }) => !found.has(series)).map((one) => [one.series, one.kind]));
    checkKinds(found, wanted);
    if (missing.size === 0) return found;
    if (found.size + missing.size > LIMITS.seriesPerDevice) {
      throw new MusterError('SERIES_LIMIT', { deviceId, limit: LIMITS.seriesPerDevice });
    }
    const units = (await unitsOf(deviceId)) ?? {};
    for (const { series, kind } of wanted) {
      const said = Object.hasOwn(units, series) ? units[series]?.kind : missing.get(series);
      if (said === undefined || !missing.has(series)) continue;
      if (!fits(said, kind)) throw wrongKind(series, said, kind);
      missing.set(series, said);
    }
    const rows = [...missing].map(([name, kind]) => ({
      deviceId,
      name,
      kind,
      unit: Object.hasOwn(units, name) ? (units[name]?.unit ?? null) : null,
    }));
    await make(rows);
    const after = await load(deviceId);
    // one that is not there now is of a device that was removed meanwhile
    if (rows.some(({ name }) => !after.has(name))) throw new MusterError('NOT_FOUND', { deviceId });
    checkKinds(after, wanted);
    return after;
  }

  return {
    known: (deviceId) => devices.get(deviceId),
    of,
    forget: (deviceId) => void devices.delete(deviceId),
    add: (deviceId, wanted) => inTurn([deviceId], () => add(deviceId, wanted)),
  };
}

/** SERIES_KIND when a series holds values of another kind. */
export function checkKinds(
  known: ReadonlyMap<string, Series>,
  wanted: readonly { readonly series: string; readonly kind: ValueKind }[],
): void {
  for (const { series, kind } of wanted) {
    const found = known.get(series);
    if (found !== undefined && !fits(found.kind, kind)) throw wrongKind(series, found.kind, kind);
  }
}

/** Whether a series that holds one kind takes a value of another: an object may look like a position. */
export function fits(holds: ValueKind, came: ValueKind): boolean {
  return holds === came || (holds === 'object' && came === 'position');
}

function wrongKind(series: string, holds: ValueKind, came: ValueKind): MusterError {
  return new MusterError('SERIES_KIND', { series }, { say: `${series} holds ${holds} values; this one is ${came}.` });
}
