import type { RotationJob, RotationJobDevice, RotationPlace } from '@muster/contract';
import type { Pool } from 'pg';
import { holder } from './reach.ts';

export interface JobRow {
  readonly job_id: string;
  readonly site_id: string;
  readonly group_id: string | null;
  readonly tag: string | null;
  readonly at_once: number;
  readonly grace_ms: number;
  readonly started_by: string;
  readonly state: RotationJob['state'];
  readonly gives_up_at: number;
  readonly created_at: number;
  readonly ended_at: number | null;
}

type CountedRow = JobRow & { readonly devices: number; readonly counts: Partial<Record<RotationPlace, number>> | null };

/** Devices that are looked at in one transaction. */
const MOST_A_STEP = 100;

/** Where a device of the job is; of the rows `one`, `devices` and `rotation`. */
const PLACE = `CASE
  WHEN rotation.state = 'waiting' THEN 'begun' WHEN rotation.state IN ('told', 'confirmed') THEN rotation.state
  WHEN rotation.state IS NOT NULL OR one.refused IS NOT NULL OR one.rotation_id IS NOT NULL THEN 'failed'
  WHEN ${holder('devices')} THEN 'waiting' ELSE 'notReachable' END`;
const FROM = `rotation_job_devices AS one JOIN devices USING (device_id)
  LEFT JOIN token_rotations AS rotation ON rotation.rotation_id = one.rotation_id`;

export function createJobStore(pool: Pool) {
  async function counted(where: string, values: readonly unknown[]): Promise<RotationJob[]> {
    const { rows } = await pool.query<CountedRow>(
      `SELECT job.*, (SELECT count(*) FROM rotation_job_devices WHERE job_id = job.job_id) AS devices,
         (SELECT jsonb_object_agg(place, n) FROM (SELECT ${PLACE} AS place, count(*) AS n FROM ${FROM}
            WHERE one.job_id = job.job_id GROUP BY 1) AS places) AS counts
       FROM rotation_jobs AS job ${where}`,
      [...values],
    );
    return rows.map(toJob);
  }

  return {
    /** With its devices, all or nothing: called in a unit of work. */
    async insert(row: JobRow, deviceIds: readonly string[]): Promise<void> {
      await pool.query(
        `INSERT INTO rotation_jobs (job_id, site_id, group_id, tag, at_once, grace_ms, started_by, state, gives_up_at,
           created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', $8, $9)`,
        [
          row.job_id,
          row.site_id,
          row.group_id,
          row.tag,
          row.at_once,
          row.grace_ms,
          row.started_by,
          row.gives_up_at,
          row.created_at,
        ],
      );
      await pool.query(
        `INSERT INTO rotation_job_devices (job_id, device_id)
         SELECT $1, device_id FROM devices WHERE device_id = ANY($2::uuid[]) AND site_id = $3`,
        [row.job_id, deviceIds, row.site_id],
      );
    },

    async find(jobId: string): Promise<RotationJob | undefined> {
      return (await counted('WHERE job.job_id = $1', [jobId]))[0];
    },

    /** Newest first; `sites` null: of every site. */
    list: (options: {
      readonly sites: readonly string[] | null;
      readonly siteId?: string | undefined;
      readonly limit: number;
      readonly after?: string | undefined;
    }): Promise<RotationJob[]> =>
      counted(
        `WHERE ($1::uuid[] IS NULL OR job.site_id = ANY($1)) AND ($2::uuid IS NULL OR job.site_id = $2)
           AND ($3::uuid IS NULL OR job.job_id < $3) ORDER BY job.job_id DESC LIMIT $4`,
        [options.sites, options.siteId ?? null, options.after ?? null, options.limit],
      ),

    async devices(
      jobId: string,
      page: { readonly limit: number; readonly after?: string | undefined },
    ): Promise<RotationJobDevice[]> {
      const { rows } = await pool.query<RotationJobDevice>(
        `SELECT one.device_id AS "deviceId", devices.name, ${PLACE} AS place, coalesce(one.refused, rotation.fault) AS fault
         FROM ${FROM} WHERE one.job_id = $1 AND ($2::uuid IS NULL OR one.device_id > $2) ORDER BY one.device_id LIMIT $3`,
        [jobId, page.after ?? null, page.limit],
      );
      return rows;
    },

    async running(): Promise<string[]> {
      const { rows } = await pool.query<{ job_id: string }>(
        "SELECT job_id FROM rotation_jobs WHERE state = 'running' ORDER BY job_id",
      );
      return rows.map((row) => row.job_id);
    },

    /** Locks a job that goes on, until the end of the unit of work; undefined when another server is at it. */
    async lock(jobId: string, waits: boolean): Promise<JobRow | undefined> {
      const { rows } = await pool.query<JobRow>(
        `SELECT * FROM rotation_jobs WHERE job_id = $1 AND state = 'running' FOR UPDATE ${waits ? '' : 'SKIP LOCKED'}`,
        [jobId],
      );
      return rows[0];
    },

    /**
     * What goes on: `told` have their token and did not use it, or get it any moment. A board that is told when it boots
     * holds nobody up. `left`: devices without a rotation.
     */
    async tally(jobId: string): Promise<{ readonly told: number; readonly open: number; readonly left: number }> {
      const { rows } = await pool.query<{ told: number; open: number; left: number }>(
        `SELECT count(*) FILTER (WHERE rotation.state IN ('waiting', 'told') AND devices.client_id = '') AS told,
           count(*) FILTER (WHERE rotation.state IN ('waiting', 'told')) AS open,
           count(*) FILTER (WHERE one.rotation_id IS NULL AND one.refused IS NULL) AS left
         FROM ${FROM} WHERE one.job_id = $1`,
        [jobId],
      );
      return rows[0] ?? { told: 0, open: 0, left: 0 };
    },

    /** Devices whose turn it is: boards that are told when they boot, and `room` of those that are here. */
    async next(jobId: string, room: number): Promise<readonly { deviceId: string; state: 'active' | 'revoked' }[]> {
      const waiting = `SELECT device_id AS "deviceId", devices.state FROM rotation_job_devices AS one
        JOIN devices USING (device_id) WHERE job_id = $1 AND rotation_id IS NULL AND refused IS NULL`;
      const { rows } = await pool.query(
        `(${waiting} AND (client_id <> '' OR devices.state <> 'active') ORDER BY device_id LIMIT ${MOST_A_STEP})
         UNION ALL
         (${waiting} AND client_id = '' AND devices.state = 'active' AND ${holder('devices')}
            ORDER BY device_id LIMIT $2)`,
        [jobId, Math.min(room, MOST_A_STEP)],
      );
      return rows;
    },

    async begun(jobId: string, deviceId: string, rotationId: string | null, refused: string | null): Promise<void> {
      await pool.query(
        'UPDATE rotation_job_devices SET rotation_id = $3, refused = $4 WHERE job_id = $1 AND device_id = $2',
        [jobId, deviceId, rotationId, refused],
      );
    },

    async end(jobId: string, state: 'done' | 'cancelled', now: number): Promise<void> {
      await pool.query('UPDATE rotation_jobs SET state = $2, ended_at = $3 WHERE job_id = $1', [jobId, state, now]);
    },

    /** Devices of the job with a new token that they were not told of yet. */
    async untold(jobId: string): Promise<readonly string[]> {
      const { rows } = await pool.query<{ device_id: string }>(
        "SELECT device_id FROM token_rotations WHERE job_id = $1 AND state = 'waiting'",
        [jobId],
      );
      return rows.map((row) => row.device_id);
    },
  };
}

function toJob(row: CountedRow): RotationJob {
  const counts = { waiting: 0, notReachable: 0, begun: 0, told: 0, confirmed: 0, failed: 0, ...row.counts };
  return {
    jobId: row.job_id,
    siteId: row.site_id,
    groupId: row.group_id,
    tag: row.tag,
    state: row.state,
    atOnce: row.at_once,
    devices: row.devices,
    counts,
    startedBy: row.started_by,
    createdAt: row.created_at,
    givesUpAt: row.gives_up_at,
    endedAt: row.ended_at,
  };
}
