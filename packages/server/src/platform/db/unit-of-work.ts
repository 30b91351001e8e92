import { AsyncLocalStorage } from 'node:async_hooks';
import { bug } from '@muster/contract';
import { Pool, type PoolClient } from 'pg';

/**
 * One transaction for all that is done in its asynchronous context: every query of the pool, whoever makes it, uses the
 * one connection of the unit, and transactions inside of it are savepoints. So a change, what follows from it in other
 * features, and the row of the audit are stored together or not at all, and no feature has to hand a transaction on.
 */
export interface UnitOfWork {
  /** Runs `task` in the unit, from wherever. */
  within<T>(task: () => T): T;
  /** Rejects when the database does; then nothing was stored. What waited for the commit runs before it resolves. */
  commit(): Promise<void>;
  /** Never rejects. Nothing happens when the unit has ended. */
  rollback(): Promise<void>;
}

interface Unit {
  open: boolean;
  /** Begun by its first query. */
  client: Promise<PoolClient> | null;
  /** Queries go one after the other: a connection takes no two at a time. */
  last: Promise<unknown>;
  savepoints: number;
  readonly afterCommit: (() => void)[];
}

/** A unit that nobody ends is ended by the database: it holds a connection, and maybe locks. */
const IDLE_LIMIT_MS = 35_000;

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
  const unit: Unit = { open: true, client: null, last: Promise.resolve(), savepoints: 0, afterCommit: [] };
  units.run(unit, () =>
    task({
      within: (inner) => units.run(unit, inner),
      async commit() {
        if (!unit.open) return;
        await unit.last;
        unit.open = false;
        await end(unit, 'COMMIT');
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

async function end(unit: Unit, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  if (unit.client === null) return;
  const client = await unit.client;
  try {
    const result = await client.query(how);
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
    unit.client ??= super.connect().then(async (client) => {
      try {
        await client.query(`BEGIN; SET LOCAL idle_in_transaction_session_timeout = ${IDLE_LIMIT_MS}`);
        return client;
      } catch (error) {
        client.release(true);
        throw error;
      }
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
    const meant = typeof what === 'string' ? translated(what) : { ...what, text: translated(what.text) };
    const run = (): Promise<unknown> => (client.query as (...args: unknown[]) => Promise<unknown>)(meant, ...rest);
    const result = unit.last.then(run);
    unit.last = result.catch(() => undefined);
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
