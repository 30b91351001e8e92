import { AsyncLocalStorage } from 'node:async_hooks';
import { bug } from '@muster/contract';
import { Pool, type PoolClient, type QueryConfig } from 'pg';

/**
 * One transaction for all that is done in its asynchronous context: every query of the pool, whoever makes it, uses the
 * one connection of the unit, and transactions inside of it are savepoints. So a change, what follows from it in other
 * features, and the row of the audit are stored together or not at all, and no feature has to hand a transaction on.
 */
export interface UnitOfWork {
  /** Runs `task` in the unit, from wherever. */
  within<T>(task: () => T): T;
  /**
   * Rejects when the database does; then nothing was stored. What waited for the commit runs before it resolves. `last`
   * is sent together with the commit, which saves waiting for it: it is stored with all the rest, or nothing is. Only
   * for a unit that has begun.
   */
  commit(last?: QueryConfig): Promise<void>;
  /** Never rejects. Nothing happens when the unit has ended. */
  rollback(): Promise<void>;
  /** Whether something was asked of the database in it. */
  hasBegun(): boolean;
}

interface Unit {
  open: boolean;
  /** Of its first query. */
  client: Promise<PoolClient> | null;
  /** Its transaction stands. */
  begun: Promise<void>;
  /** Queries go one after the other, as whoever makes them expects; savepoints leave with the query behind them. */
  last: Promise<unknown>;
  savepoints: number;
  readonly afterCommit: (() => void)[];
}

/** A unit that nobody ends is ended by the database: it holds a connection, and maybe locks. */
const IDLE_LIMIT_MS = 35_000;

const DONE = Promise.resolve();
const ignore = (): void => undefined;

const units = new AsyncLocalStorage<Unit>();
const current = (): Unit | null => {
  const unit = units.getStore();
  return unit?.open === true ? unit : null;
};

/** Whether a unit of work is open here: what is read may not be shared with others, and what is told must wait. */
export const inUnit = (): boolean => current() !== null;

/** Runs `tell` when the unit of work that is open here was committed, never if it is rolled back; at once without one. */
export function afterCommit(tell: () => void): void {
  const unit = current();
  if (unit === null) tell();
  else unit.afterCommit.push(tell);
}

/** Runs `task` outside of the unit of work that is open here: what it stores stays, whatever becomes of the unit. */
export const outsideUnit = <T>(task: () => T): T => units.exit(task);

/** Opens a unit for everything that `task` does, and that follows from it. The caller ends it. */
export function openUnit(task: (unit: UnitOfWork) => void): void {
  const unit: Unit = { open: true, client: null, begun: DONE, last: DONE, savepoints: 0, afterCommit: [] };
  units.run(unit, () =>
    task({
      within: (inner) => units.run(unit, inner),
      hasBegun: () => unit.client !== null,
      async commit(last) {
        if (!unit.open) return;
        if (last !== undefined && unit.client === null)
          throw bug('the unit of work that ends with a query has not begun');
        await unit.last;
        unit.open = false;
        await end(unit, 'COMMIT', last);
        for (const tell of unit.afterCommit) tell();
      },
      async rollback() {
        if (!unit.open) return;
        await unit.last;
        unit.open = false;
        // the connection is closed when it cannot be rolled back: nothing of it stays either way
        await end(unit, 'ROLLBACK').catch(() => undefined);
      },
    }),
  );
}

/** Runs `task` in a unit of its own, or in the one that is open here. */
export async function inOneUnit<T>(task: () => Promise<T>): Promise<T> {
  if (inUnit()) return task();
  return new Promise((resolve, reject) => {
    openUnit((unit) => {
      task()
        .then(async (result) => {
          await unit.commit();
          resolve(result);
        })
        .catch(async (error: unknown) => {
          await unit.rollback();
          reject(error);
        });
    });
  });
}

async function end(unit: Unit, how: 'COMMIT' | 'ROLLBACK', last?: QueryConfig): Promise<void> {
  if (unit.client === null) return;
  const client = await unit.client;
  try {
    const stored = last === undefined ? DONE : client.query(last);
    const ended = client.query(how);
    ended.catch(ignore);
    // when it fails, PostgreSQL rolls back what was to be committed
    await stored;
    const result = await ended;
    client.release();
    // PostgreSQL answers ROLLBACK when a statement of the transaction had failed
    if (how === 'COMMIT' && result.command !== 'COMMIT') {
      throw bug('a statement of the unit of work had failed, so it was rolled back');
    }
  } catch (error) {
    client.release(true);
    throw error;
  }
}

const READ = /^\s*select\b/i;
/** Nobody waits for the answer of these. */
const MARK = /^\s*(?:SAVEPOINT|RELEASE SAVEPOINT) unit_\d+$/;
const NOTHING = { rows: [], rowCount: null };

type Callback = (error: Error | undefined, client?: PoolClient, release?: (error?: unknown) => void) => void;

/** A pool that gives out the connection of the unit of work where one is open. */
export class UnitPool extends Pool {
  override connect(): Promise<PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<PoolClient> | undefined {
    const unit = current();
    if (unit === null) {
      if (callback === undefined) return super.connect();
      super.connect(callback as never);
      return undefined;
    }
    const lent = this.#begun(unit).then((client) => lend(unit, client));
    if (callback === undefined) return lent;
    lent.then(
      (client) => callback(undefined, client, () => undefined),
      (error: Error) => callback(error),
    );
    return undefined;
  }

  #begun(unit: Unit): Promise<PoolClient> {
    unit.client ??= super.connect().then((client) => {
      unit.begun = client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS}`).then(ignore);
      unit.begun.catch(ignore);
      return client;
    });
    return unit.client;
  }
}

/** The connection as one borrower sees it: its transaction is a savepoint, and giving it back leaves it to the unit. */
function lend(unit: Unit, client: PoolClient): PoolClient {
  let savepoint = '';
  const translated = (text: string): string => {
    const [verb = ''] = /^\s*\w+/.exec(text) ?? [];
    switch (verb.trim().toUpperCase()) {
      case 'BEGIN':
        unit.savepoints += 1;
        savepoint = `unit_${unit.savepoints}`;
        return text.replace(/^\s*begin[^;]*/i, `SAVEPOINT ${savepoint}`);
      case 'COMMIT':
        return `RELEASE SAVEPOINT ${savepoint}`;
      case 'ROLLBACK':
        return savepoint === '' || / to /i.test(text)
          ? text
          : `ROLLBACK TO SAVEPOINT ${savepoint}; RELEASE SAVEPOINT ${savepoint}`;
      default:
        return text;
    }
  };
  const query = (what: string | { readonly text: string }, ...rest: unknown[]): unknown => {
    const callback =
      typeof rest.at(-1) === 'function' ? (rest.pop() as (error: unknown, result?: unknown) => void) : null;
    const text = translated(typeof what === 'string' ? what : what.text);
    const meant = typeof what === 'string' ? text : { ...what, text };
    const send = (): Promise<unknown> => (client.query as (...args: unknown[]) => Promise<unknown>)(meant, ...rest);
    const result = unit.last.then(async () => {
      // a read may leave together with the begin of the transaction: should that fail, it has changed nothing
      if (!READ.test(text)) await unit.begun;
      const answer = send();
      if (MARK.test(text)) {
        // should it fail, so does all that follows in the transaction, and its commit
        answer.catch(ignore);
        return NOTHING;
      }
      answer.catch(ignore);
      await unit.begun;
      return answer;
    });
    unit.last = result.catch(ignore);
    if (callback === null) return result;
    result.then((value) => callback(null, value), callback);
    return undefined;
  };
  return new Proxy(client, {
    get(target, key) {
      if (key === 'query') return query;
      if (key === 'release') return () => undefined;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
