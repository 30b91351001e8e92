import type { ServerProcess } from '../../../bench/server-process.ts';
import type { Acked } from '../acked-log.ts';
import { EVENT } from '../ingest-load.ts';

/** What the database holds, against what devices were told is stored. */
export interface Comparison {
  /** Acknowledged values, and rows. */
  readonly checked: number;
  readonly rows: number;
  /** Acknowledged and not there. */
  readonly lost: number;
  /** Numbers of a stream that are there more than once. */
  readonly doubled: number;
  /** There with another value than the one that was sent. */
  readonly wrong: number;
}

interface Row {
  readonly device: string;
  readonly series: string;
  readonly seq: number;
  readonly value: number;
}

/** Each measurement of the load holds two series, so that half a message would be seen. */
const SERIES = { value: 1, double: 2 } as const;
const EVENTS = { [EVENT]: 1 } as const;

export async function compareStored(server: ServerProcess, acked: readonly Acked[]): Promise<Comparison> {
  const devices = [...new Set(acked.map(({ deviceId }) => deviceId))];
  const rows = await server.query<Row>(
    `SELECT device_id AS device, name AS series, seq, num AS value
     FROM points_90 JOIN series USING (series_id) WHERE device_id = ANY($1)
     UNION ALL
     SELECT device_id, name, (data->>'seq')::bigint, (data->>'value')::float8
     FROM device_events WHERE device_id = ANY($1) AND name = $2`,
    [devices, EVENT],
  );
  const stored = new Map<string, { count: number; value: number }>();
  for (const { device, series, seq, value } of rows) {
    const key = `${device} ${series} ${seq}`;
    stored.set(key, { count: (stored.get(key)?.count ?? 0) + 1, value });
  }
  let checked = 0;
  let lost = 0;
  let wrong = 0;
  for (const one of acked) {
    for (const [series, times] of Object.entries(one.kind === 'event' ? EVENTS : SERIES)) {
      checked += 1;
      const found = stored.get(`${one.deviceId} ${series} ${one.seq}`);
      if (found === undefined) lost += 1;
      else if (found.value !== one.value * times) wrong += 1;
    }
  }
  let doubled = 0;
  for (const { count } of stored.values()) if (count > 1) doubled += 1;
  return { checked, rows: rows.length, lost, doubled, wrong };
}

/** The comparison in words, for people. */
export function tellComparison({ checked, rows, lost, doubled, wrong }: Comparison): string {
  return `${checked} acknowledged values against ${rows} rows: ${lost} lost, ${doubled} doubled, ${wrong} with another value`;
}

/** What else fell short, or null. */
export function shortOf(...reasons: readonly (string | false | null)[]): string | null {
  const told = reasons.filter((reason) => typeof reason === 'string');
  return told.length === 0 ? null : told.join('; ');
}
