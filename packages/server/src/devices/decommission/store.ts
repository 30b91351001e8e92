import type { Decommission, DecommissionState } from '@muster/contract';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../../platform/db/index.ts';
import { eraseBatch, forgetDevice, wipeCredentials } from './erasure.ts';

export interface DecommissionRow {
  readonly device_id: string;
  readonly site_id: string;
  readonly state: Exclude<DecommissionState, 'none'>;
  readonly reset_command_id: string | null;
  readonly reset_confirmed: boolean;
  readonly next_at: number;
  readonly erased_rows: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

/**
 * From the end of its credentials to the erasure, ms: every server has closed its connections by then (5 s), and what it
 * sent before is stored.
 */
export const SETTLE_MS = 6_000;

/** What one look changed: its keys are wiped, a batch is gone, all is gone, or there was nothing to do. */
export interface DecommissionStep {
  readonly row: DecommissionRow;
  readonly did: 'wiped' | 'erased' | 'ended';
}

export function createDecommissionStore(pool: Pool) {
  async function set(client: PoolClient, deviceId: string, change: Partial<DecommissionRow>): Promise<DecommissionRow> {
    const names = Object.keys(change);
    const { rows } = await client.query<DecommissionRow>(
      `UPDATE decommissions SET ${names.map((name, nth) => `${name} = $${nth + 2}`).join(', ')}
       WHERE device_id = $1 RETURNING *`,
      [deviceId, ...Object.values(change)],
    );
    return rows[0] as DecommissionRow;
  }

  return {
    async find(deviceId: string): Promise<DecommissionRow | undefined> {
      const { rows } = await pool.query<DecommissionRow>('SELECT * FROM decommissions WHERE device_id = $1', [
        deviceId,
      ]);
      return rows[0];
    },

    /** False when there is one already. */
    async begin(row: Omit<DecommissionRow, 'reset_confirmed' | 'erased_rows' | 'ended_at'>): Promise<boolean> {
      const { rowCount } = await pool.query(
        `INSERT INTO decommissions (device_id, site_id, state, reset_command_id, next_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
        [row.device_id, row.site_id, row.state, row.reset_command_id, row.next_at, row.created_at],
      );
      return rowCount === 1;
    },

    /** The device answered its reset, or ended it. */
    async answered(commandId: string, confirmed: boolean, now: number): Promise<void> {
      await pool.query(
        `UPDATE decommissions SET reset_confirmed = $2, next_at = $3
         WHERE reset_command_id = $1 AND state = 'resetting'`,
        [commandId, confirmed, now],
      );
    },

    /** Commands that were sent to tell devices to reset, and have no answer yet. */
    async waiting(): Promise<readonly string[]> {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT reset_command_id AS id FROM decommissions
         WHERE state = 'resetting' AND NOT reset_confirmed AND reset_command_id IS NOT NULL LIMIT 1000`,
      );
      return rows.map(({ id }) => id);
    },

    /**
     * Goes on with one whose time has come: a batch of rows at most, in a transaction of its own, so that a server that
     * dies loses nothing and holds nobody up. Its row is locked meanwhile; null when there is none that nobody is at.
     */
    step: (now: number): Promise<DecommissionStep | null> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<DecommissionRow>(
          `SELECT * FROM decommissions WHERE state <> 'done' AND next_at <= $1
           ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
          [now],
        );
        const [row] = rows;
        if (row === undefined) return null;
        const { device_id: deviceId } = row;
        if (row.state === 'resetting') {
          await wipeCredentials(client, deviceId);
          return { row: await set(client, deviceId, { state: 'settling', next_at: now + SETTLE_MS }), did: 'wiped' };
        }
        const erased = await eraseBatch(client, deviceId);
        if (erased !== null) {
          const erased_rows = row.erased_rows + erased;
          // those that wait have their turn before its next batch
          return { row: await set(client, deviceId, { state: 'erasing', erased_rows, next_at: now }), did: 'erased' };
        }
        await forgetDevice(client, deviceId);
        return { row: await set(client, deviceId, { state: 'done', ended_at: now }), did: 'ended' };
      }),
  };
}

export function toDecommission(row: DecommissionRow): Decommission {
  return {
    deviceId: row.device_id,
    siteId: row.site_id,
    state: row.state,
    resetConfirmed: row.reset_confirmed,
    erasedRows: row.erased_rows,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
