import {
  type CommandClass,
  type CommandRun,
  type CommandRunDevice,
  type CommandRunState,
  LIMITS,
} from '@muster/contract';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../../platform/db/index.ts';
import { type Known, type SenderKey, takeKey } from '../idempotency.ts';
import { type CommandRow, insertCommands, moved, OPEN } from '../store.ts';

export interface RunRow {
  readonly run_id: string;
  readonly site_id: string;
  readonly group_id: string | null;
  readonly name: string;
  readonly args: { readonly [key: string]: unknown };
  readonly class: CommandClass | null;
  readonly deadline_ms: number | null;
  readonly at_once: number;
  readonly stop_after_failures: number | null;
  readonly sent_by: string;
  readonly state: CommandRunState;
  readonly created_at: number;
  readonly ended_at: number | null;
}

/** A run with what its devices have come to, all of one moment. */
type CountedRow = RunRow & {
  readonly devices: number;
  readonly waiting: number;
  readonly refused: number;
  readonly counts: { readonly [state: string]: number } | null;
};

/** What a run says instead of a command when none can be made for a device. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** What one look at a run changed. */
export interface Step {
  readonly run: RunRow;
  /** Commands that were made: they are committed, nobody was told. */
  readonly made: readonly CommandRow[];
  readonly cancelled: readonly CommandRow[];
  /** There is more to do at once. */
  readonly again: boolean;
}

const FAILED = "state IN ('rejected', 'failed', 'expired', 'unknown')";
const WAITING = 'command_id IS NULL AND refused IS NULL';
/** Most commands of one transaction. */
const MOST_A_STEP = 250;

export type RunStore = ReturnType<typeof createRunStore>;

export function createRunStore(pool: Pool) {
  async function counted(where: string, values: readonly unknown[]): Promise<CommandRun[]> {
    const { rows } = await pool.query<CountedRow>(
      `SELECT run.*, of_devices.*,
         (SELECT jsonb_object_agg(state, n) FROM
           (SELECT state, count(*) AS n FROM commands WHERE run_id = run.run_id GROUP BY state) AS states) AS counts
       FROM command_runs AS run CROSS JOIN LATERAL
         (SELECT count(*) AS devices, count(*) FILTER (WHERE ${WAITING}) AS waiting, count(refused) AS refused
          FROM command_run_devices WHERE run_id = run.run_id) AS of_devices ${where}`,
      [...values],
    );
    return rows.map(toRun);
  }

  return {
    /** What the key of a sender stands for; undefined: nothing yet. */
    async known(sentBy: string, key: string): Promise<Known | undefined> {
      const { rows } = await pool.query<Known>(
        'SELECT made_id AS id, request_hash AS hash FROM idempotency_keys WHERE sent_by = $1 AND key = $2',
        [sentBy, key],
      );
      return rows[0];
    },

    /** Stores the run with its devices and its sender's key, all or nothing. Null when `most` runs of the site go on. */
    insert: (
      row: RunRow,
      deviceIds: readonly string[],
      key: SenderKey | null,
      most: number,
      also: (client: PoolClient) => Promise<void>,
    ): Promise<{ readonly known: Known | null } | null> =>
      inTransaction(
        pool,
        async (client) => {
          const known = key === null ? null : await takeKey(client, row.sent_by, key, row.run_id, row.created_at);
          if (known !== null) return { known };
          const done = await client.query(
            `INSERT INTO command_runs (run_id, site_id, group_id, name, args, class, deadline_ms, at_once,
               stop_after_failures, sent_by, state, created_at)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 'running', $11
             WHERE (SELECT count(*) FROM command_runs WHERE site_id = $2 AND state = 'running') < $12`,
            [
              row.run_id,
              row.site_id,
              row.group_id,
              row.name,
              JSON.stringify(row.args),
              row.class,
              row.deadline_ms,
              row.at_once,
              row.stop_after_failures,
              row.sent_by,
              row.created_at,
              most,
            ],
          );
          if (done.rowCount === 0) return null;
          // one that was deleted since the group was read is left out
          await client.query(
            `INSERT INTO command_run_devices (run_id, device_id)
             SELECT $1, device_id FROM devices WHERE device_id = ANY($2::uuid[]) AND site_id = $3`,
            [row.run_id, deviceIds, row.site_id],
          );
          await also(client);
          return { known: null };
        },
        { isKept: (done) => done !== null && done.known === null },
      ),

    async find(runId: string): Promise<CommandRun | undefined> {
      return (await counted('WHERE run.run_id = $1', [runId]))[0];
    },

    /** Newest first; `sites` null: of every site. */
    list: (options: {
      readonly sites: readonly string[] | null;
      readonly siteId?: string | undefined;
      readonly groupId?: string | undefined;
      readonly limit: number;
      readonly after?: string | undefined;
    }): Promise<CommandRun[]> =>
      counted(
        `WHERE ($1::uuid[] IS NULL OR run.site_id = ANY($1)) AND ($2::uuid IS NULL OR run.site_id = $2)
           AND ($3::uuid IS NULL OR run.group_id = $3) AND ($4::uuid IS NULL OR run.run_id < $4)
         ORDER BY run.run_id DESC LIMIT $5`,
        [options.sites, options.siteId ?? null, options.groupId ?? null, options.after ?? null, options.limit],
      ),

    /** Devices of a run by their id. */
    async devices(
      runId: string,
      page: { readonly failed: boolean; readonly limit: number; readonly after?: string | undefined },
    ): Promise<CommandRunDevice[]> {
      const { rows } = await pool.query<DeviceRow>(
        `SELECT one.device_id, devices.name, one.command_id, one.refused, commands.state, commands.error
         FROM command_run_devices AS one JOIN devices USING (device_id) LEFT JOIN commands USING (command_id)
         WHERE one.run_id = $1 AND ($2::uuid IS NULL OR one.device_id > $2)
           AND (NOT $3 OR one.refused IS NOT NULL OR commands.${FAILED})
         ORDER BY one.device_id LIMIT $4`,
        [runId, page.after ?? null, page.failed, page.limit],
      );
      return rows.map(toRunDevice);
    },

    async running(): Promise<string[]> {
      const { rows } = await pool.query<{ run_id: string }>(
        "SELECT run_id FROM command_runs WHERE state = 'running' ORDER BY run_id",
      );
      return rows.map((row) => row.run_id);
    },

    /**
     * Goes on with a run: makes commands for devices whose turn has come, ends it when nothing is left or too much
     * failed. The row of the run is locked meanwhile, so that servers which do this at once make no command twice and
     * no more than may be unfinished: `busy` when another is at it. `ended`: the run goes on no more.
     */
    step: (
      runId: string,
      now: number,
      prepare: (run: RunRow, deviceId: string) => Promise<CommandRow | Refusal>,
    ): Promise<Step | 'busy' | 'ended'> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<RunRow>(
          "SELECT * FROM command_runs WHERE run_id = $1 AND state = 'running' FOR UPDATE SKIP LOCKED",
          [runId],
        );
        const [run] = rows;
        if (run === undefined) return (await isRunning(client, runId)) ? 'busy' : 'ended';
        const { open, failed } = await tally(client, run);
        if (run.stop_after_failures !== null && failed >= run.stop_after_failures) {
          return endRun(client, run, 'stopped', now);
        }
        const room = Math.min(run.at_once - open, MOST_A_STEP);
        const { rows: next } = await client.query<{ device_id: string }>(
          `SELECT device_id FROM command_run_devices WHERE run_id = $1 AND ${WAITING} ORDER BY device_id LIMIT $2`,
          // one is asked for when there is no room, to know whether any waits
          [runId, Math.max(1, room)],
        );
        if (next.length === 0 && open === 0) return endRun(client, run, 'done', now);
        const made = await give(client, run, next.slice(0, Math.max(0, room)), prepare);
        return { run, made, cancelled: [], again: room > 0 && next.length > 0 && made.length < run.at_once - open };
      }),

    /** Ends a run: what was not sent is cancelled. Undefined when it goes on no more. */
    cancel: (runId: string, now: number): Promise<Step | undefined> =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<RunRow>(
          "SELECT * FROM command_runs WHERE run_id = $1 AND state = 'running' FOR UPDATE",
          [runId],
        );
        const [run] = rows;
        return run === undefined ? undefined : endRun(client, run, 'cancelled', now);
      }),

    async prune(endedBefore: number): Promise<void> {
      await pool.query(
        'DELETE FROM command_runs WHERE run_id IN (SELECT run_id FROM command_runs WHERE ended_at < $1 LIMIT 100)',
        [endedBefore],
      );
    },
  };
}

async function isRunning(client: PoolClient, runId: string): Promise<boolean> {
  const { rowCount } = await client.query("SELECT FROM command_runs WHERE run_id = $1 AND state = 'running'", [runId]);
  return rowCount === 1;
}

/** Commands that have not ended, and what failed: that is counted only where it can end the run. */
async function tally(client: PoolClient, run: RunRow): Promise<{ readonly open: number; readonly failed: number }> {
  const { rows } = await client.query<{ open: number; failed: number }>(
    `SELECT (SELECT count(*) FROM commands WHERE run_id = $1 AND ${OPEN}) AS open,
       CASE WHEN $2 THEN (SELECT count(*) FROM commands WHERE run_id = $1 AND ${FAILED})
         + (SELECT count(*) FROM command_run_devices WHERE run_id = $1 AND refused IS NOT NULL) ELSE 0 END AS failed`,
    [run.run_id, run.stop_after_failures !== null],
  );
  return rows[0] ?? { open: 0, failed: 0 };
}

/** Makes the commands of devices whose turn it is, or notes why there is none. */
async function give(
  client: PoolClient,
  run: RunRow,
  next: readonly { readonly device_id: string }[],
  prepare: (run: RunRow, deviceId: string) => Promise<CommandRow | Refusal>,
): Promise<CommandRow[]> {
  const prepared = await Promise.all(next.map(({ device_id: deviceId }) => prepare(run, deviceId)));
  const commands = prepared.filter((one): one is CommandRow => 'command_id' in one);
  const stored = await insertCommands(client, commands, LIMITS.commandsPerDevice);
  const outcomes = next.map(({ device_id }, at) => {
    const one = prepared[at] ?? QUEUE_FULL;
    const isStored = 'command_id' in one && stored.has(one.command_id);
    const { code, message } = 'code' in one ? one : QUEUE_FULL;
    return { device_id, command_id: isStored ? one.command_id : null, refused: isStored ? null : `${code} ${message}` };
  });
  await client.query(
    `UPDATE command_run_devices AS one SET command_id = given.command_id, refused = given.refused
     FROM jsonb_to_recordset($2::jsonb) AS given(device_id uuid, command_id uuid, refused text)
     WHERE one.run_id = $1 AND one.device_id = given.device_id`,
    [run.run_id, JSON.stringify(outcomes)],
  );
  return commands.filter(({ command_id }) => stored.has(command_id));
}

const QUEUE_FULL: Refusal = { code: 'COMMAND_QUEUE_FULL', message: 'Too many commands wait for this device.' };

async function endRun(
  client: PoolClient,
  run: RunRow,
  state: Exclude<CommandRunState, 'running'>,
  now: number,
): Promise<Step> {
  await client.query('UPDATE command_runs SET state = $2, ended_at = $3 WHERE run_id = $1', [run.run_id, state, now]);
  const ended = { ...run, state, ended_at: now };
  if (state === 'done') return { run: ended, made: [], cancelled: [], again: false };
  const { to, from } = moved('cancel');
  const { rows: cancelled } = await client.query<CommandRow>(
    `UPDATE commands SET state = ${to}, ended_at = $2 WHERE run_id = $1 AND ${from} RETURNING *`,
    [run.run_id, now],
  );
  return { run: ended, made: [], cancelled, again: false };
}

interface DeviceRow {
  readonly device_id: string;
  readonly name: string;
  readonly command_id: string | null;
  readonly refused: string | null;
  readonly state: CommandRow['state'] | null;
  readonly error: CommandRow['error'];
}

function toRunDevice(row: DeviceRow): CommandRunDevice {
  const [code = '', ...message] = (row.refused ?? '').split(' ');
  return {
    deviceId: row.device_id,
    name: row.name,
    commandId: row.command_id,
    state: row.state,
    error: row.refused === null ? row.error : { code, message: message.join(' ') },
  };
}

function toRun(row: CountedRow): CommandRun {
  const counts = row.counts ?? {};
  const { rejected = 0, failed = 0, expired = 0, unknown = 0 } = counts;
  return {
    runId: row.run_id,
    siteId: row.site_id,
    groupId: row.group_id,
    name: row.name,
    args: row.args,
    state: row.state,
    atOnce: row.at_once,
    stopAfterFailures: row.stop_after_failures,
    devices: row.devices,
    waiting: row.waiting,
    refused: row.refused,
    failed: row.refused + rejected + failed + expired + unknown,
    counts,
    sentBy: row.sent_by,
    createdAt: row.created_at,
    endedAt: row.ended_at,
  };
}
