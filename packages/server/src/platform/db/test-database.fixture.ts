import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../log.ts';
import { openVault, type Vault } from '../vault/index.ts';
import { type OpenDatabase, openDatabase } from './database.ts';
import { startEmbeddedPostgres } from './embedded.ts';
import { migrate } from './migrate.ts';
import { copyTestCluster } from './test-cluster.fixture.ts';

export interface TestDatabase extends OpenDatabase {
  readonly vault: Vault;
  stop(): Promise<void>;
}

/** A real PostgreSQL of its own, migrated, gone after `stop`. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const log = createLogger('silent');
  const directory = await mkdtemp(join(tmpdir(), 'muster-db-'));
  await copyTestCluster(directory);
  const postgres = await startEmbeddedPostgres(directory, log);
  const database = openDatabase(postgres.connectionString, 4, log);
  await migrate(database.pool, log);
  const vault = await openVault({
    pool: database.pool,
    dataDir: directory,
    config: { key: randomBytes(32).toString('base64') },
    log,
    isShared: false,
  });
  return {
    ...database,
    vault,
    async stop() {
      await database.close();
      await postgres.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
