import type { Command, CommandClass, CommandState } from '@muster/contract';
import type { Pool, PoolClient } from 'pg';
import { inTransaction } from '../platform/db/index.ts';
import { type Known, type SenderKey, takeKey } from './idempotency.ts';
import { type CommandEvent, movesOf } from './life-cycle.ts';

export interface CommandRow {
  readonly command_id: string;
  readonly device_id: string;
  readonly site_id: string;
  readonly name: string;
  readonly args: { readonly [key: string]: unknown };
  readonly class: CommandClass;
  readonly state: CommandState;
  readonly progress: number | null;
  readonly result: unknown;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly attempts: number;
  readonly sent_by: string;
  readonly run_id: string | null;
  readonly created_at: number;
  readonly deadline_at: number;
  readonly sent_at: number | null;
  readonly acked_at: number | null;
  readonly ended_at: number | null;
}

/** What goes with an event. */
export interface EventFacts {
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
}

/** Ended commands that one statement removes. */
const PRUNED_AT_ONCE = 10_000;

export type CommandStore = ReturnType<typeof createCommandStore>;

export const OPEN = "state IN ('queued', 'sent', 'acked')";

/** `CASE state WHEN 'queued' THEN 'sent' … END`, from the table of transitions: the only way a state changes. */
export function moved(event: CommandEvent): { readonly to: string; readonly from: string } {
  const moves = movesOf(event);
  return {
    to: `CASE state ${moves.map(([from, to]) => `WHEN '${from}' THEN '${to}'`).join(' ')} END`,
    from: `state IN (${moves.map(([from]) => `'${from}'`).join(', ')})`,
  };
}

export function createCommandStore(pool: Pool) {
  async function rows(text: string, values: readonly unknown[]): Promise<CommandRow[]> {
    return (await pool.query<CommandRow>(text, [...values])).rows;
  }

  return {
    /**
     * Stores the command, and its sender's key in the same transaction. When the key stands already, nothing is stored:
     * what it stands for is given. Null when `most` commands wait for the device. `also` joins the transaction.
     */
    async insert(
      row: CommandRow,
      key: SenderKey | null,
      most: number,
      also: (client: PoolClient) => Promise<void>,
    ): Promise<{ readonly known: Known | null } | null> {
      return inTransaction(
        pool,
        async (client) => {
          const known = key === null ? null : await takeKey(client, row.sent_by, key, row.command_id, row.created_at);
          if (known !== null) return { known };
          if ((await insertCommands(client, [row], most)).size === 0) return null;
          await also(client);
          return { known: null };
        },
        { isKept: (done) => done !== null && done.known === null },
      );
    },

    async find(commandId: string): Promise<CommandRow | undefined> {
      return (await rows('SELECT * FROM commands WHERE command_id = $1', [commandId]))[0];
    },

    list: (deviceId: string, limit: number, after: string | null) =>
      rows(
        `SELECT * FROM commands WHERE device_id = $1 AND ($3::uuid IS NULL OR command_id < $3)
         ORDER BY command_id DESC LIMIT $2`,
        [deviceId, limit, after],
      ),

    findAll: (commandIds: readonly string[]) =>
      rows('SELECT * FROM commands WHERE command_id = ANY($1::uuid[])', [commandIds]),

    /** What has not ended at a site, newest first. */
    openOf: (siteId: string, limit: number) =>
      rows(`SELECT * FROM commands WHERE site_id = $1 AND ${OPEN} ORDER BY command_id DESC LIMIT $2`, [siteId, limit]),

    /** Waiting commands of a device, oldest first. */
    queued: (deviceId: string, now: number, limit: number) =>
      rows(
        `SELECT * FROM commands WHERE device_id = $1 AND state = 'queued' AND deadline_at > $2
         ORDER BY command_id LIMIT $3`,
        [deviceId, now, limit],
      ),

    /** What was sent to a device and has not ended, oldest first. */
    inHand: (deviceId: string, now: number) =>
      rows(
        `SELECT * FROM commands WHERE device_id = $1 AND state IN ('sent', 'acked') AND deadline_at > $2
         ORDER BY command_id`,
        [deviceId, now],
      ),

    /**
     * Takes a waiting command to send it: undefined when another server was quicker, or it is not waiting any more.
     * Committed before a byte leaves, so that after a crash it is known that it may have been sent.
     */
    async claim(commandId: string, now: number): Promise<CommandRow | undefined> {
      const { to, from } = moved('send');
      const found = await rows(
        `UPDATE commands SET state = ${to}, sent_at = $2, attempts = attempts + 1
         WHERE command_id = $1 AND ${from} AND deadline_at > $2 RETURNING *`,
        [commandId, now],
      );
      return found[0];
    },

    /** The next sending of one that was sent and not acked; undefined when it may not be. */
    async claimAgain(commandId: string, now: number, most: number): Promise<CommandRow | undefined> {
      const found = await rows(
        `UPDATE commands SET sent_at = $2, attempts = attempts + 1
         WHERE command_id = $1 AND state = 'sent' AND attempts < $3 AND deadline_at > $2 RETURNING *`,
        [commandId, now, most],
      );
      return found[0];
    },

    /** Not one byte left: it waits again, as if it had not been tried. Undefined when it has ended meanwhile. */
    async unsend(commandId: string): Promise<CommandRow | undefined> {
      const { to, from } = moved('unsend');
      const found = await rows(
        `UPDATE commands SET state = ${to}, sent_at = NULL, attempts = attempts - 1
         WHERE command_id = $1 AND ${from} RETURNING *`,
        [commandId],
      );
      return found[0];
    },

    /** An event of a device's command; undefined when it changes nothing: late, repeated, or of another device. */
    async apply(
      commandId: string,
      deviceId: string | null,
      event: CommandEvent,
      now: number,
      facts: EventFacts = {},
    ): Promise<CommandRow | undefined> {
      const { to, from } = moved(event);
      const isEnd = event !== 'ack';
      const found = await rows(
        `UPDATE commands SET state = ${to}, acked_at = CASE WHEN $3 THEN acked_at ELSE $4 END,
           ended_at = CASE WHEN $3 THEN $4 ELSE NULL END, result = coalesce($5::jsonb, result),
           error = coalesce($6::jsonb, error)
         WHERE command_id = $1 AND ($2::uuid IS NULL OR device_id = $2) AND ${from} RETURNING *`,
        [
          commandId,
          deviceId,
          isEnd,
          now,
          facts.result === undefined ? null : JSON.stringify(facts.result),
          facts.error === undefined ? null : JSON.stringify(facts.error),
        ],
      );
      return found[0];
    },

    async progress(commandId: string, deviceId: string, progress: number): Promise<CommandRow | undefined> {
      const found = await rows(
        "UPDATE commands SET progress = $3 WHERE command_id = $1 AND device_id = $2 AND state IN ('sent', 'acked') RETURNING *",
        [commandId, deviceId, progress],
      );
      return found[0];
    },

    /** Commands past their deadline, ended: each by one server. */
    expire(now: number, limit: number): Promise<CommandRow[]> {
      const { to, from } = moved('deadline');
      return rows(
        `UPDATE commands SET state = ${to}, ended_at = $1,
           error = CASE WHEN state = 'queued' THEN $3::jsonb ELSE $4::jsonb END
         WHERE command_id IN (SELECT command_id FROM commands WHERE ${OPEN} AND deadline_at <= $1
           ORDER BY deadline_at LIMIT $2 FOR UPDATE SKIP LOCKED) AND ${from} RETURNING *`,
        [now, limit, EXPIRED, UNCONFIRMED],
      );
    },

    /** When the next deadline is; null when nothing is open. */
    async nextDeadline(): Promise<number | null> {
      const { rows: found } = await pool.query<{ at: number | null }>(
        `SELECT min(deadline_at) AS at FROM commands WHERE ${OPEN}`,
      );
      return found[0]?.at ?? null;
    },

    /** Which of these devices have commands that have not ended. */
    async openFor(deviceIds: readonly string[]): Promise<Map<string, true>> {
      const { rows: found } = await pool.query<{ device_id: string }>(
        `SELECT DISTINCT device_id FROM commands WHERE device_id = ANY($1) AND ${OPEN}`,
        [deviceIds],
      );
      return new Map(found.map((row) => [row.device_id, true]));
    },

    /** Removes what is out of date, some at a time; true: there is more. */
    async prune(endedBefore: number, keysBefore: number): Promise<boolean> {
      const { rowCount } = await pool.query(
        `DELETE FROM commands WHERE command_id IN
           (SELECT command_id FROM commands WHERE ended_at < $1 ORDER BY ended_at LIMIT ${PRUNED_AT_ONCE})`,
        [endedBefore],
      );
      await pool.query('DELETE FROM idempotency_keys WHERE created_at < $1', [keysBefore]);
      return rowCount === PRUNED_AT_ONCE;
    },
  };
}

const EXPIRED = JSON.stringify({
  code: 'COMMAND_EXPIRED',
  message: 'The deadline passed before the command was sent.',
});
const UNCONFIRMED = JSON.stringify({
  code: 'COMMAND_UNCONFIRMED',
  message: 'The command was sent and the device never said how it ended: it may or may not have happened.',
});

/** Stores commands, but those for devices that have `most` waiting already. Gives the ids of what was stored. */
export async function insertCommands(
  client: Pick<PoolClient, 'query'>,
  commands: readonly CommandRow[],
  most: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ command_id: string }>(
    `INSERT INTO commands (command_id, device_id, site_id, name, args, class, state, sent_by, run_id, created_at, deadline_at)
     SELECT command_id, device_id, site_id, name, args, class, state, sent_by, run_id, created_at, deadline_at
     FROM jsonb_to_recordset($1::jsonb) AS made(command_id uuid, device_id uuid, site_id uuid, name text, args jsonb,
       class text, state text, sent_by text, run_id uuid, created_at bigint, deadline_at bigint)
     WHERE (SELECT count(*) FROM commands WHERE commands.device_id = made.device_id AND commands.${OPEN}) < $2
     RETURNING command_id`,
    [JSON.stringify(commands), most],
  );
  return new Set(rows.map((row) => row.command_id));
}

export function toCommand(row: CommandRow): Command {
  return {
    commandId: row.command_id,
    deviceId: row.device_id,
    siteId: row.site_id,
    name: row.name,
    args: row.args,
    commandClass: row.class,
    state: row.state,
    progress: row.progress,
    result: row.result ?? null,
    error: row.error,
    attempts: row.attempts,
    sentBy: row.sent_by,
    runId: row.run_id,
    createdAt: row.created_at,
    deadlineAt: row.deadline_at,
    sentAt: row.sent_at,
    ackedAt: row.acked_at,
    endedAt: row.ended_at,
  };
}
