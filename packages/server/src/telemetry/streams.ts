import { LIMITS, MusterError } from '@muster/contract';
import type { Pool } from 'pg';
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

  async function add(deviceId: string, stream: string): Promise<void> {
    if (devices.get(deviceId)?.has(stream) === true) return;
    await pool.query(
      `INSERT INTO streams (device_id, stream, seen) SELECT $1, $2, '{}'
       WHERE (SELECT count(*) FROM streams WHERE device_id = $1) < $3 ON CONFLICT DO NOTHING`,
      [deviceId, stream, LIMITS.streamsPerDevice],
    );
    const { rows } = await pool.query<{ stream: string }>('SELECT stream FROM streams WHERE device_id = $1', [
      deviceId,
    ]);
    const found = new Set(rows.map((row) => row.stream));
    devices.delete(deviceId);
    devices.set(deviceId, found);
    const oldest = devices.keys().next();
    if (devices.size > MOST_DEVICES && oldest.done !== true) devices.delete(oldest.value);
    if (!found.has(stream)) throw new MusterError('STREAM_LIMIT', { deviceId, limit: LIMITS.streamsPerDevice });
  }

  return {
    knows: (deviceId, stream) => devices.get(deviceId)?.has(stream) === true,
    add: (deviceId, stream) => inTurn([deviceId], () => add(deviceId, stream)),
    forget: (deviceId) => void devices.delete(deviceId),
  };
}
