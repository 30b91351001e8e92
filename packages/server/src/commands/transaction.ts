import type { Pool, PoolClient } from 'pg';

/** Runs `task` in one transaction; it is committed unless `task` throws or `isKept` says no. */
export async function inTransaction<T>(
  pool: Pool,
  task: (client: PoolClient) => Promise<T>,
  isKept: (result: T) => boolean = () => true,
): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const result = await task(client);
    await client.query(isKept(result) ? 'COMMIT' : 'ROLLBACK');
    client.release();
    return result;
  } catch (error) {
    await client.query('ROLLBACK').then(
      () => client.release(),
      () => client.release(true),
    );
    throw error;
  }
}
