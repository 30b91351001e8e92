import { LIMITS, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import { forgetOldest } from '../platform/forget-oldest.ts';
import { createGather } from '../platform/gather.ts';
import { createTurns } from '../platform/turns.ts';

/**
 * In which streams a device counts. A stream has its row before its first number is stored: two batches that hold the
 * same first number then wait for each other at that row, and one of them sees the number of the other.
 */
export interface StreamIndex {
  /** Whether the row is known to be there, without asking the database. */
  knows(deviceId: string, stream: string): boolean;
  /** Makes the row unless it is there. STREAM_LIMIT past LIMITS.streamsPerDevice. */
  add(deviceId: string, stream: string): Promise<void>;
  forget(deviceId: string): void;
}

/** Devices whose streams are kept in memory: the one that was read longest ago goes. */
const MOST_DEVICES = 50_000;
/** Messages of new streams that wait for each other, over all devices. */
const MOST_WAITING = 10_000;

export function createStreamIndex(pool: Pool): StreamIndex {
  const devices = new Map<string, ReadonlySet<string>>();
  const inTurn = createTurns(MOST_WAITING);

  /** A fleet that comes back to a server that knows nothing yet sends thousands of first messages at once. */
  const stored = createGather(async (deviceIds: readonly string[]) => {
    const { rows } = await pool.query<{ device_id: string; stream: string }>(
      'SELECT device_id, stream FROM streams WHERE device_id = ANY($1)',
      [deviceIds],
    );
    const found = new Map<string, Set<string>>();
    for (const row of rows) found.set(row.device_id, (found.get(row.device_id) ?? new Set()).add(row.stream));
    return found;
  });

  async function load(deviceId: string): Promise<ReadonlySet<string>> {
    const found = (await stored(deviceId)) ?? new Set<string>();
    devices.delete(deviceId);
    devices.set(deviceId, found);
    forgetOldest(devices, MOST_DEVICES);
    return found;
  }

  async function add(deviceId: string, stream: string): Promise<void> {
    const known = devices.get(deviceId) ?? (await load(deviceId));
    if (known.has(stream)) return;
    await pool.query(
      `INSERT INTO streams (device_id, stream, seen) SELECT $1, $2, '{}'
       WHERE (SELECT count(*) FROM streams WHERE device_id = $1) < $3 ON CONFLICT DO NOTHING`,
      [deviceId, stream, LIMITS.streamsPerDevice],
    );
    if (!(await load(deviceId)).has(stream))
      throw new MusterError('STREAM_LIMIT', { deviceId, limit: LIMITS.streamsPerDevice });
  }

  return {
    knows: (deviceId, stream) => devices.get(deviceId)?.has(stream) === true,
    add: (deviceId, stream) => inTurn([deviceId], () => add(deviceId, stream)),
    forget: (deviceId) => void devices.delete(deviceId),
  };
}
