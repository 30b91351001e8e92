import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import type { Pool } from 'pg';
import type { Logger } from '../log.ts';
import { newestOf, type SealingKey } from './keys.ts';
import { openWith, sealWith } from './seal.ts';
import { purposeOf, type SealedColumn } from './vault.ts';

/** How a change of the key goes on. */
export interface RotationState {
  readonly running: boolean;
  /** Values that were sealed anew since it began, and that have to be yet. */
  readonly done: number;
  readonly left: number;
  /** Keys that this server still needs. */
  readonly keys: number;
  /** Why it stopped last; null: it did not, or it ended well. */
  readonly failure: string | null;
}

/** A new key for all secrets, while the server runs. Killed at any moment it goes on at the next start. */
export interface Rotation {
  /** Makes a new key and begins. CONFLICT when the key is of the configuration, which only the operator can change. */
  begin(): Promise<RotationState>;
  state(): RotationState;
  /** Goes on with what was begun. */
  resume(): void;
  /** Seals what was stored before there was a vault. */
  sealPlain(): Promise<void>;
  stop(): Promise<void>;
}

const AT_ONCE = 500;
/** Pause before old transactions are looked for again, ms. */
const LOOK_MS = 250;

export function createRotation(deps: {
  readonly pool: Pool;
  readonly log: Logger;
  /** Grows until the server has started. */
  readonly columns: readonly SealedColumn[];
  readonly keys: () => readonly SealingKey[];
  /** Null when keys are given from outside. */
  readonly add: (() => Promise<void>) | null;
  /** Forgets all but the newest: nothing is sealed with them any more. */
  readonly keepNewest: () => Promise<void>;
  /** The longest that a sealed value may be on its way to the database before its transaction begins, ms. */
  readonly settleMs: number;
}): Rotation {
  const { pool, log, columns } = deps;
  let work: Promise<void> | null = null;
  let stopped = false;
  let done = 0;
  let left = 0;
  let failure: string | null = null;

  const state = (): RotationState => ({ running: work !== null, done, left, keys: deps.keys().length, failure });

  const newest = (): SealingKey => newestOf(deps.keys());

  const isOld = (column: string): string => `${column} IS NOT NULL AND substring(${column} FROM 2 FOR 4) <> $1`;

  async function countLeft(): Promise<number> {
    let count = 0;
    for (const { table, column } of columns) {
      const { rows } = await pool.query<{ n: number }>(`SELECT count(*) AS n FROM ${table} WHERE ${isOld(column)}`, [
        newest().id,
      ]);
      count += rows[0]?.n ?? 0;
    }
    return count;
  }

  /** One page of a column; false when nothing is left of it. */
  async function again(sealed: SealedColumn): Promise<boolean> {
    const { table, column, key } = sealed;
    const names = key.map((name) => `${name}::text`).join(', ');
    const { rows } = await pool.query<{ value: Buffer } & Record<string, string>>(
      `SELECT ${names}, ${column} AS value FROM ${table} WHERE ${isOld(column)} LIMIT ${AT_ONCE}`,
      [newest().id],
    );
    for (const row of rows) {
      const of = key.map((name) => row[name] ?? '');
      const purpose = purposeOf(sealed, of);
      const next = sealWith(newest(), openWith(deps.keys(), row.value, purpose), purpose);
      const where = key.map((name, nth) => `${name}::text = $${nth + 3}`).join(' AND ');
      // not over what was written in the meantime
      await pool.query(`UPDATE ${table} SET ${column} = $1 WHERE ${column} = $2 AND ${where}`, [
        next,
        row.value,
        ...of,
      ]);
      done += 1;
      left = Math.max(0, left - 1);
    }
    return rows.length > 0;
  }

  /** When nothing can come any more that was sealed with an old key: what was sealed is on its way to the database by then. */
  async function settlesAt(): Promise<Date> {
    const { rows } = await pool.query<{ at: Date }>("SELECT clock_timestamp() + $1 * interval '1 ms' AS at", [
      deps.settleMs,
    ]);
    return rows[0]?.at ?? new Date(Date.now() + deps.settleMs);
  }

  /** Whether what is sealed with an old key may still appear: written by a transaction that began before. */
  async function mayAppear(settled: Date): Promise<boolean> {
    const { rows } = await pool.query<{ may: boolean }>(
      `SELECT clock_timestamp() < $1 OR EXISTS (
         SELECT FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < $1) AS may`,
      [settled],
    );
    return rows[0]?.may ?? true;
  }

  async function run(): Promise<void> {
    const settled = await settlesAt();
    left = await countLeft();
    for (;;) {
      // asked before the count: what appears between the two would be missed
      const isMore = await mayAppear(settled);
      for (const column of columns) {
        while (!stopped && (await again(column)));
      }
      left = await countLeft();
      if (stopped) return;
      if (left === 0 && !isMore) break;
      if (left === 0) await delay(LOOK_MS);
    }
    await deps.keepNewest();
    log.info({ done }, 'all secrets are sealed with the newest key; those before are not needed any more');
  }

  function resume(): void {
    if (work !== null) return;
    done = 0;
    failure = null;
    work = run()
      .catch((error: unknown) => {
        failure = error instanceof Error ? error.message : String(error);
        log.error({ err: error }, 'secrets could not be sealed with the new key; both keys are kept');
      })
      .finally(() => {
        work = null;
      });
  }

  return {
    state,
    resume,
    async begin() {
      if (deps.add === null) {
        const say =
          'Other servers may need this key: put a new one into secrets.key and the old one into secrets.previousKeys of every server, and start them all again.';
        throw new MusterError('CONFLICT', {}, { say });
      }
      if (work === null) {
        await deps.add();
        resume();
      }
      return state();
    },
    async sealPlain() {
      for (const column of columns) {
        if (column.plain === undefined) continue;
        const { table, key, plain } = column;
        const names = key.map((name) => `${name}::text`).join(', ');
        const { rows } = await pool.query<{ value: Buffer } & Record<string, string>>(
          `SELECT ${names}, ${plain} AS value FROM ${table} WHERE ${plain} IS NOT NULL`,
        );
        for (const row of rows) {
          const of = key.map((name) => row[name] ?? '');
          const where = key.map((name, nth) => `${name}::text = $${nth + 2}`).join(' AND ');
          const sealed = sealWith(newest(), row.value, purposeOf(column, of));
          // not over what was written in the meantime
          const set = `${column.column} = $1, ${plain} = NULL`;
          const isSame = `${plain} = $${of.length + 2}`;
          await pool.query(`UPDATE ${table} SET ${set} WHERE ${where} AND ${isSame}`, [sealed, ...of, row.value]);
        }
        if (rows.length > 0) log.info({ table, rows: rows.length }, 'sealed secrets that were stored in plain');
      }
    },
    async stop() {
      stopped = true;
      await work;
    },
  };
}
