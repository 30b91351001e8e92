import type { Pool } from 'pg';
import { DAY_MS } from '../config.ts';
import { findSeries, readValue, type TelemetryQuery } from '../reader.ts';
import type { Series, SeriesIndex } from '../series.ts';
import { pointsTable, type Tables } from '../tables.ts';
import type { OutRow } from './rows.ts';

export type ExportQuery = Omit<TelemetryQuery, 'points'>;

/** Reads everything of a span, a page at a time: memory does not grow with the number of rows. */
export interface Exporter {
  /** In the order of time, then of the names of the series, then of their numbers. SERIES_UNKNOWN. */
  pages(query: ExportQuery): AsyncIterable<readonly OutRow[]>;
  /** How many rows; null when counting takes longer than somebody would wait. SERIES_UNKNOWN. */
  count(query: ExportQuery): Promise<number | null>;
}

/** Rows of one page at most. */
const PAGE = 10_000;
/** First and widest span of one page, ms. */
const FIRST_MS = 3_600_000;
const WIDEST_MS = 30 * DAY_MS;
const COUNT_MS = 3_000;
/** PostgreSQL ended a statement: of time, or of its operator. */
const CANCELLED = '57014';

interface Row {
  readonly series_id: number;
  readonly at: number;
  readonly seq: number;
  readonly num: number | null;
  readonly value: OutRow['value'] | null;
}

export function createExporter(deps: {
  readonly pool: Pool;
  readonly tables: Tables;
  readonly series: SeriesIndex;
}): Exporter {
  const { pool, tables } = deps;

  /** Every class in which the series ever were. */
  function from(columns: string, where: string): string {
    return tables
      .classes()
      .map((days) => `SELECT ${columns} FROM ${pointsTable(days)} WHERE series_id = ANY($1) AND ${where}`)
      .join(' UNION ALL ');
  }

  /** Rows of a span in the order of `ids`, or null when there are more than a page: an order would have to read them all. */
  async function within(ids: readonly number[], begin: number, end: number): Promise<Row[] | null> {
    const { rows } = await pool.query<Row>(
      `SELECT * FROM (${from('series_id, at, seq, num, value', 'at >= $2 AND at < $3')}) AS span LIMIT ${PAGE + 1}`,
      [ids, begin, end],
    );
    if (rows.length > PAGE) return null;
    const rank = new Map(ids.map((id, nth) => [id, nth]));
    const rankOf = ({ series_id }: Row): number => rank.get(series_id) ?? 0;
    return rows.sort((a, b) => a.at - b.at || rankOf(a) - rankOf(b) || a.seq - b.seq);
  }

  /** More than a page of one millisecond: one series after the other. */
  async function* ofInstant(ids: readonly number[], at: number): AsyncIterable<Row[]> {
    for (const id of ids) {
      let seq = -1;
      for (let count = PAGE; count === PAGE; ) {
        const { rows } = await pool.query<Row>(
          `SELECT * FROM (${from('series_id, at, seq, num, value', 'at = $2 AND seq > $3')}) AS instant
           ORDER BY seq LIMIT ${PAGE}`,
          [[id], at, seq],
        );
        if (rows.length > 0) yield rows;
        count = rows.length;
        seq = rows.at(-1)?.seq ?? seq;
      }
    }
  }

  /** Spans that grow where there is little and shrink where there is much. */
  async function* spans(ids: readonly number[], begin: number, end: number): AsyncIterable<Row[]> {
    let width = FIRST_MS;
    for (let at = begin; at < end; ) {
      const to = Math.min(end, at + width);
      const rows = await within(ids, at, to);
      if (rows === null && to - at > 1) {
        width = Math.max(1, Math.floor((to - at) / 4));
        continue;
      }
      if (rows === null) yield* ofInstant(ids, at);
      else if (rows.length > 0) yield rows;
      at = to;
      if (rows !== null && rows.length < PAGE / 8) width = Math.min(width * 4, WIDEST_MS);
    }
  }

  return {
    async *pages({ deviceId, series, from: begin, to: end }) {
      const found = await findSeries(deps.series, deviceId, series);
      const byId = new Map<number, Series>();
      for (const one of found.sort((a, b) => (a.name < b.name ? -1 : 1))) byId.set(one.seriesId, one);
      if (tables.classes().length === 0 || byId.size === 0) return;
      for await (const rows of spans([...byId.keys()], begin, end)) {
        yield rows.flatMap((row) => {
          const owner = byId.get(row.series_id);
          if (owner === undefined) return [];
          const { name, kind, unit } = owner;
          return [{ at: row.at, series: name, kind, value: readValue(kind, row), seq: row.seq, unit }];
        });
      }
    },
    async count({ deviceId, series, from: begin, to: end }) {
      const ids = (await findSeries(deps.series, deviceId, series)).map(({ seriesId }) => seriesId);
      if (tables.classes().length === 0 || ids.length === 0) return 0;
      const client = await pool.connect();
      try {
        await client.query(`BEGIN READ ONLY; SET LOCAL statement_timeout = ${COUNT_MS}`);
        const { rows } = await client.query<{ count: number }>(
          `SELECT count(*) AS count FROM (${from('1', 'at >= $2 AND at < $3')}) AS span`,
          [ids, begin, end],
        );
        return rows[0]?.count ?? 0;
      } catch (error) {
        if ((error as { code?: unknown }).code === CANCELLED) return null;
        throw error;
      } finally {
        await client.query('ROLLBACK').then(
          () => client.release(),
          () => client.release(true),
        );
      }
    },
  };
}
