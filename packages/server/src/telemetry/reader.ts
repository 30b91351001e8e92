import type { Bucket, DeviceEvent, LatestValue, PointValue, SeriesData, SeriesInfo, ValueKind } from '@muster/contract';
import { MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import { chooseBuckets, queryBuckets } from './buckets.ts';
import type { Rollups } from './rollups.ts';
import type { Series, SeriesIndex } from './series.ts';
import { pointsTable, type Tables } from './tables.ts';

export interface TelemetryQuery {
  readonly deviceId: string;
  /** Names; SERIES_UNKNOWN when the device has no such series. */
  readonly series: readonly string[];
  /** Epoch ms; `to` is not in it. */
  readonly from: number;
  readonly to: number;
  /** About how many points or buckets a chart can show. */
  readonly points: number;
}

/** Everything that is read of measurements. */
export interface Reader {
  seriesOf(deviceId: string): Promise<SeriesInfo[]>;
  latest(deviceId: string): Promise<LatestValue[]>;
  /** Raw points when there are few, else buckets of equal width from the finest level that has about as many as asked. */
  query(query: TelemetryQuery): Promise<SeriesData[]>;
  /** Newest first. */
  events(deviceId: string, limit: number, after: string | null): Promise<DeviceEvent[]>;
}

interface RawRow {
  readonly at: number;
  readonly num: number | null;
  readonly value: PointValue | null;
}

export function createReader(deps: {
  readonly pool: Pool;
  readonly tables: Tables;
  readonly series: SeriesIndex;
  readonly rollups: Rollups;
}): Reader {
  const { pool, tables } = deps;

  /** Raw points of one series, from every class that it was ever in. */
  function rawSql(): string {
    return tables
      .classes()
      .map(
        (days) => `SELECT at, seq, num, value FROM ${pointsTable(days)} WHERE series_id = $1 AND at >= $2 AND at < $3`,
      )
      .join(' UNION ALL ');
  }

  async function one(series: Series, { from, to, points }: TelemetryQuery): Promise<SeriesData> {
    const { name, kind, unit, seriesId } = series;
    const head = { series: name, kind, unit };
    if (tables.classes().length === 0) return { ...head, resolution: 'raw', bucketMs: null, points: [], buckets: null };
    const isNumeric = kind === 'number' || kind === 'boolean';
    const raw = async (): Promise<SeriesData | null> => {
      // one more than asked tells whether there are too many; of what has no average the newest are given
      const limit = isNumeric ? points + 1 : points;
      const order = isNumeric ? 'at, seq' : 'at DESC, seq DESC';
      const { rows } = await pool.query<RawRow>(
        `SELECT at, num, value FROM (${rawSql()}) AS raw ORDER BY ${order} LIMIT ${limit}`,
        [seriesId, from, to],
      );
      if (rows.length > points) return null;
      if (!isNumeric) rows.reverse();
      const values = rows.map((row) => ({ at: row.at, value: readValue(kind, row) }));
      return { ...head, resolution: 'raw', bucketMs: null, points: values, buckets: null };
    };
    const buckets = async (): Promise<SeriesData & { readonly buckets: Bucket[] }> => {
      const made = await deps.rollups.made(tables.classes());
      return { ...head, points: null, ...(await queryBuckets(pool, made, seriesId, { from, to, points })) };
    };
    // a long span: roll-ups tell how many points there are before hundreds of partitions are asked for them
    if (isNumeric && chooseBuckets({ from, to, points }).resolution !== 'raw') {
      const coarse = await buckets();
      const many = coarse.buckets.reduce((sum, { count }) => sum + count, 0);
      return many > points ? coarse : ((await raw()) ?? coarse);
    }
    return (await raw()) ?? (await buckets());
  }

  return {
    async seriesOf(deviceId) {
      return [...(await deps.series.of(deviceId)).values()]
        .map(({ name, kind, unit }) => ({ series: name, kind, unit }))
        .sort((a, b) => (a.series < b.series ? -1 : 1));
    },
    async latest(deviceId) {
      const { rows } = await pool.query<{
        name: string;
        kind: ValueKind;
        unit: string | null;
        at: number;
        received_at: number;
        num: number | null;
        value: PointValue | null;
      }>({
        name: 'latest of',
        text: `SELECT name, kind, unit, at, received_at, num, value FROM series JOIN latest USING (series_id)
          WHERE device_id = $1 ORDER BY name`,
        values: [deviceId],
      });
      return rows.map((row) => ({
        series: row.name,
        kind: row.kind,
        unit: row.unit,
        at: row.at,
        receivedAt: row.received_at,
        value: readValue(row.kind, row),
      }));
    },
    async query(query) {
      const found = await findSeries(deps.series, query.deviceId, query.series);
      return Promise.all(found.map((series) => one(series, query)));
    },
    async events(deviceId, limit, after) {
      const { rows } = await pool.query<{
        event_id: string;
        name: string;
        level: DeviceEvent['level'];
        data: unknown;
        at: number;
        received_at: number;
      }>(
        `SELECT event_id, name, level, data, at, received_at FROM device_events
         WHERE device_id = $1 AND ($3::uuid IS NULL OR event_id < $3) ORDER BY event_id DESC LIMIT $2`,
        [deviceId, limit, after],
      );
      return rows.map(({ event_id, name, level, data, at, received_at }) => ({
        eventId: event_id,
        name,
        level,
        data,
        at,
        receivedAt: received_at,
      }));
    },
  };
}

/** The series of a device by their names; SERIES_UNKNOWN. */
export async function findSeries(index: SeriesIndex, deviceId: string, names: readonly string[]): Promise<Series[]> {
  const known = await index.of(deviceId);
  return names.map((name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const say = `The device has no series ${name.slice(0, 80)}.`;
    throw new MusterError('SERIES_UNKNOWN', { series: name }, { say });
  });
}

export function readValue(
  kind: ValueKind,
  row: { readonly num: number | null; readonly value: PointValue | null },
): PointValue {
  if (kind === 'boolean') return row.num === 1;
  return kind === 'number' ? (row.num ?? 0) : (row.value as PointValue);
}
