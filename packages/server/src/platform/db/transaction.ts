import type { Pool, PoolClient } from 'pg';

export interface TransactionOptions<T> {
  /** Longest statement, ms; default: that of every connection. */
  readonly statementMs?: number;
  /** Whether what the task did is kept; default: always. */
  readonly isKept?: (result: T) => boolean;
}

/** Runs `task` in one transaction; it is committed unless `task` throws or `isKept` says no. */
export async function inTransaction<T>(
  pool: Pool,
  task: (client: PoolClient) => Promise<T>,
  { statementMs, isKept = () => true }: TransactionOptions<T> = {},
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query(statementMs === undefined ? 'BEGIN' : `BEGIN; SET LOCAL statement_timeout = ${statementMs}`);
    const result = await task(client);
    await client.query(isKept(result) ? 'COMMIT' : 'ROLLBACK');
    client.release();
    return result;
  } catch (error) {
    // a connection whose state is unknown is not used again
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
