import type { FleetDevice, MessageKind } from '@muster/testkit';
import type { ServerProcess } from '../server-process.ts';

/** Numbers of the measurements that the server acknowledged, for each device: a flat list is small enough for millions. */
export interface AckedNumbers {
  add(device: FleetDevice, kind: MessageKind, body: object): void;
  readonly count: number;
  all(): ReadonlyMap<string, readonly number[]>;
}

export function createAckedNumbers(): AckedNumbers {
  return numbersOf([]);
}

/** Those that another process collected. */
export function numbersOf(known: readonly (readonly [deviceId: string, numbers: readonly number[]])[]): AckedNumbers {
  const byDevice = new Map<string, number[]>(known.map(([deviceId, numbers]) => [deviceId, [...numbers]]));
  let count = known.reduce((sum, [, numbers]) => sum + numbers.length, 0);
  return {
    add({ deviceId }, kind, body) {
      if (kind !== 'telemetry') return;
      const { seq } = body as { readonly seq: number };
      const before = byDevice.get(deviceId);
      if (before === undefined) byDevice.set(deviceId, [seq]);
      else before.push(seq);
      count += 1;
    },
    get count() {
      return count;
    },
    all: () => byDevice,
  };
}

/** Holds the rows of the database against what was acknowledged: messages that are not there, and rows that are twice. */
export async function compareStored(
  server: ServerProcess,
  acked: AckedNumbers,
): Promise<{ readonly checked: number; readonly lost: number; readonly doubled: number }> {
  // devices may go on: only what was acknowledged before the rows are read must be among them
  const promised = new Map([...acked.all()].map(([deviceId, numbers]) => [deviceId, [...numbers]]));
  const rows = await server.query<{ device_id: string; seq: number; doubled: boolean }>(
    `SELECT device_id, seq, bool_or(times > 1) AS doubled FROM (
       SELECT device_id, series_id, seq, count(*) AS times FROM points_90 JOIN series USING (series_id)
       WHERE seq > 0 GROUP BY device_id, series_id, seq) AS one GROUP BY device_id, seq`,
  );
  const stored = new Map<string, Set<number>>();
  let doubled = 0;
  for (const row of rows) {
    const known = stored.get(row.device_id) ?? new Set();
    stored.set(row.device_id, known.add(row.seq));
    if (row.doubled) doubled += 1;
  }
  let lost = 0;
  let checked = 0;
  for (const [deviceId, numbers] of promised) {
    checked += numbers.length;
    const known = stored.get(deviceId);
    for (const seq of numbers) if (known?.has(seq) !== true) lost += 1;
  }
  return { checked, lost, doubled };
}
