import type { Bucket, SeriesData } from '@muster/contract';
import type { Pool } from 'pg';
import { LEVEL_MS, type Made } from './rollups.ts';
import { pointsTable, type RollupLevel, rollupTable } from './tables.ts';

interface Span {
  readonly from: number;
  readonly to: number;
  readonly points: number;
}

const LEVELS = ['1d', '1h', '1m'] as const;

/** The level and width of buckets for a span: the coarsest level that still gives about as many buckets as asked. */
export function chooseBuckets({ from, to, points }: Span): { resolution: SeriesData['resolution']; bucketMs: number } {
  const wantedMs = Math.max(1, Math.ceil((to - from) / Math.max(1, points)));
  const level = LEVELS.find((one) => LEVEL_MS[one] <= wantedMs);
  if (level === undefined) return { resolution: 'raw', bucketMs: wantedMs };
  return { resolution: level, bucketMs: Math.ceil(wantedMs / LEVEL_MS[level]) * LEVEL_MS[level] };
}

/** Buckets of equal width over the whole span; those without points are null, so that a gap stays a gap. */
export async function queryBuckets(
  pool: Pool,
  made: readonly Made[],
  seriesId: number,
  span: Span,
): Promise<Pick<SeriesData, 'resolution' | 'bucketMs'> & { buckets: Bucket[] }> {
  const { resolution, bucketMs } = chooseBuckets(span);
  const first = span.from - (span.from % bucketMs);
  // what is not rolled up yet comes from the level below it: a chart reaches to now
  const parts = made.flatMap(({ days, upTo }) => partsOf(days, upTo, resolution, first, span.to));
  const { rows } = await pool.query<{
    bucket: number;
    min: number;
    max: number;
    sum: number;
    count: number;
    last: number;
  }>(
    `SELECT at - at % $2 AS bucket, min(min), max(max), sum(sum), sum(count)::bigint AS count,
       (array_agg(last ORDER BY last_at DESC))[1] AS last
     FROM (${parts.join(' UNION ALL ')}) AS part GROUP BY 1 ORDER BY 1`,
    [seriesId, bucketMs],
  );
  const found = new Map(rows.map((row) => [row.bucket, row]));
  const buckets: Bucket[] = [];
  for (let at = first; at < span.to; at += bucketMs) {
    const row = found.get(at);
    buckets.push(
      row === undefined
        ? { at, min: null, max: null, avg: null, last: null, count: 0 }
        : { at, min: row.min, max: row.max, avg: row.sum / row.count, last: row.last, count: row.count },
    );
  }
  return { resolution, bucketMs, buckets };
}

function partsOf(
  days: number,
  upTo: Readonly<Record<RollupLevel, number>>,
  resolution: SeriesData['resolution'],
  from: number,
  to: number,
): string[] {
  const parts: string[] = [];
  let at = from;
  const chain: readonly RollupLevel[] = resolution === 'raw' ? [] : LEVELS.slice(LEVELS.indexOf(resolution));
  for (const level of chain) {
    const end = Math.min(to, upTo[level]);
    if (end <= at) continue;
    parts.push(`SELECT at, min, max, sum, count, last, last_at FROM ${rollupTable(level, days)}
      WHERE series_id = $1 AND at >= ${at} AND at < ${end}`);
    at = end;
  }
  if (at < to) {
    parts.push(`SELECT at, num AS min, num AS max, num AS sum, 1 AS count, num AS last, at AS last_at
      FROM ${pointsTable(days)} WHERE series_id = $1 AND at >= ${at} AND at < ${to} AND num IS NOT NULL`);
  }
  return parts;
}
