import { createInterface } from 'node:readline';
import { MusterError } from '@muster/contract';
import { createLogger } from '../log.ts';
import { lockDataDir } from './data-dir.ts';
import { openDatabase } from './database.ts';
import { startEmbeddedPostgres } from './embedded.ts';

/** A process that owns a data directory: says how many rows there are, inserts on "insert", ends on "stop". */
const dataDir = process.argv[2] ?? '';
const log = createLogger('silent');
try {
  const lock = await lockDataDir(dataDir);
  const postgres = await startEmbeddedPostgres(dataDir, log);
  const database = openDatabase(postgres.connectionString, 2, log);
  await database.pool.query('CREATE TABLE IF NOT EXISTS marks (at bigint)');
  const { rows } = await database.pool.query<{ n: number }>('SELECT count(*) AS n FROM marks');
  console.log(`rows ${rows[0]?.n}`);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === 'stop') break;
    await database.pool.query('INSERT INTO marks VALUES ($1)', [Date.now()]);
    console.log('inserted');
  }
  await database.close();
  await postgres.stop();
  await lock.release();
  process.exit(0);
} catch (error) {
  console.log(error instanceof MusterError ? `${error.code} ${error.message}` : String(error));
  process.exit(1);
}
