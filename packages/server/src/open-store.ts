import { MusterError } from '@muster/contract';
import type { Config } from './config.ts';
import { lockDataDir, migrate, type OpenDatabase, openDatabase, startEmbeddedPostgres } from './platform/db/index.ts';
import type { Lifecycle } from './platform/lifecycle.ts';
import type { Logger } from './platform/log.ts';

/** The embedded database when no other is named. Its lock and process end last. */
export async function openStore(config: Config, log: Logger, lifecycle: Lifecycle): Promise<OpenDatabase> {
  let connectionString = config.database.url;
  if (connectionString === undefined) {
    const lock = await lockDataDir(config.dataDir);
    lifecycle.onStop('lock', 1_000, () => lock.release());
    const postgres = await startEmbeddedPostgres(config.dataDir, log);
    lifecycle.onStop('postgres', 15_000, () => postgres.stop());
    connectionString = postgres.connectionString;
  }
  const database = openDatabase(connectionString, config.database.poolSize, log);
  lifecycle.onStop('database', 5_000, () => database.close());
  await database.ping().catch((cause: unknown) => {
    throw new MusterError('DATABASE_UNAVAILABLE', {}, { cause, say: unreachable(connectionString, cause) });
  });
  await migrate(database.pool, log);
  return database;
}

/** Names the place and the cause, never the user or the password. */
function unreachable(connectionString: string, cause: unknown): string {
  const { host, pathname } = new URL(connectionString);
  const origin = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  const why = origin instanceof Error ? origin.message || (origin as NodeJS.ErrnoException).code : String(origin);
  return `The database ${host === '' ? 'of this server' : host + pathname} does not answer: ${why}. Is PostgreSQL running there, and is DATABASE_URL right?`;
}
