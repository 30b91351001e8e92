import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createLogger } from '../log.ts';
import { migrate } from './migrate.ts';
import { createTestDatabase } from './test-database.fixture.ts';

const log = createLogger('silent');
let database: Awaited<ReturnType<typeof createTestDatabase>>;
let directory: string;

before(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'muster-migrations-'));
  await database.pool.query('TRUNCATE migrations');
});
after(async () => {
  await database.stop();
  await rm(directory, { recursive: true, force: true });
});

const run = (): Promise<void> => migrate(database.pool, log, pathToFileURL(`${directory}/`));
const write = (name: string, sql: string): Promise<void> => writeFile(join(directory, name), sql);

test('migrations run once and in order, also when two servers start together', async () => {
  await write('0001_one.sql', 'CREATE TABLE one (n int);');
  await write('0002_two.sql', 'ALTER TABLE one ADD m int; INSERT INTO one VALUES (1, 2);');
  await Promise.all([run(), run()]);
  const { rows } = await database.pool.query('SELECT * FROM one');
  assert.deepEqual(rows, [{ n: 1, m: 2 }]);
});

test('a migration that fails leaves nothing behind and names itself', async () => {
  await write('0003_bad.sql', 'CREATE TABLE three (n int); SELECT nonsense;');
  await assert.rejects(run(), (error: Error) => /0003_bad\.sql failed: column "nonsense"/.test(error.message));
  const { rows } = await database.pool.query("SELECT to_regclass('three') AS found");
  assert.equal(rows[0].found, null);
  await rm(join(directory, '0003_bad.sql'));
});

test('a migration that was changed after it ran is refused', async () => {
  await write('0001_one.sql', 'CREATE TABLE one (n bigint);');
  await assert.rejects(run(), { code: 'MIGRATION_FAILED', message: /0001_one\.sql was changed/ });
  await write('0001_one.sql', 'CREATE TABLE one (n int);');
});

test('a database of a newer server is refused', async () => {
  await database.pool.query("INSERT INTO migrations VALUES ('9999_future.sql', '', 0)");
  await assert.rejects(run(), { code: 'MIGRATION_FAILED', message: /newer Muster/ });
});
