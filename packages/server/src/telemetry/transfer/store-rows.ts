import { MusterError } from '@muster/contract';
import { type Point, pointsOf, type Source } from '../points.ts';
import { fits, type SeriesIndex } from '../series.ts';
import type { Entry } from '../writer.ts';
import type { InRow } from './rows.ts';

/** Checks rows as measurements of a device are, and stores the good ones in one go. */
export function createRowStore(deps: {
  readonly series: SeriesIndex;
  readonly begin: (source: Source) => Promise<{
    readonly now: number;
    readonly oldest: number;
    readonly entry: Omit<Entry, 'points' | 'seriesIds' | 'event'>;
  }>;
  readonly add: (entry: Entry) => Promise<void>;
}): (source: Source, rows: readonly InRow[]) => Promise<readonly (string | null)[]> {
  const { series } = deps;

  /** SERIES_KIND, SERIES_LIMIT. */
  async function seriesIdOf(deviceId: string, point: Point): Promise<number> {
    const known = (await series.of(deviceId)).get(point.series);
    if (known !== undefined && fits(known.kind, point.kind)) return known.seriesId;
    const made = (await series.add(deviceId, [point])).get(point.series);
    if (made === undefined) throw new MusterError('SERIES_UNKNOWN', { series: point.series });
    return made.seriesId;
  }

  return async (source, rows) => {
    const { now, oldest, entry } = await deps.begin(source);
    const faults: (string | null)[] = [];
    const points: Point[] = [];
    const seriesIds: number[] = [];
    const seqs: number[] = [];
    for (const { at, series: name, value, seq } of rows) {
      try {
        const [point] = pointsOf({ at, values: { [name]: value } }, now, oldest);
        if (point === undefined) continue;
        const seriesId = await seriesIdOf(source.deviceId, point);
        points.push(point);
        seriesIds.push(seriesId);
        seqs.push(seq);
        faults.push(null);
      } catch (error) {
        // what may succeed later is no fault of the row
        if (!(error instanceof MusterError) || error.retryable) throw error;
        faults.push(error.message);
      }
    }
    if (points.length > 0) await deps.add({ ...entry, points, seriesIds, seqs, event: null });
    return faults;
  };
}
