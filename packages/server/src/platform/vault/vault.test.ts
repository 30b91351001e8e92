import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { createTestDatabase, type TestDatabase } from '../db/test-database.fixture.ts';
import { createLogger } from '../log.ts';
import { openVault, type SecretsConfig, type Vault } from './index.ts';

let database: TestDatabase;
let dataDir: string;
const log = createLogger('silent');

before(async () => {
  database = await createTestDatabase();
  await database.pool.query('CREATE TABLE things (name text PRIMARY KEY, secret bytea, plain bytea)');
});
after(() => database.stop());
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-vault-'));
  await database.pool.query('TRUNCATE things, server_secrets');
});

const open = (config: SecretsConfig = {}, settleMs = 0): Promise<Vault> =>
  openVault({ pool: database.pool, dataDir, config, log, isShared: false, settleMs });
const things = (vault: Vault) => vault.column({ table: 'things', column: 'secret', key: ['name'], plain: 'plain' });
const base64 = (): string => randomBytes(32).toString('base64');
const keyFile = (): string => join(dataDir, 'secrets.key');

async function put(vault: Vault, name: string, text: string): Promise<void> {
  const sealed = things(vault).seal(text, [name]);
  await database.pool.query('INSERT INTO things (name, secret) VALUES ($1, $2)', [name, sealed]);
}
async function get(vault: Vault, name: string): Promise<string> {
  const { rows } = await database.pool.query<{ secret: Buffer }>('SELECT secret FROM things WHERE name = $1', [name]);
  return things(vault)
    .open(rows[0]?.secret ?? Buffer.alloc(0), [name])
    .toString();
}
/** Resolves when the change of the key has ended. */
async function rotated(vault: Vault): Promise<void> {
  while (vault.rotation.state().running) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('what is sealed is opened by the same key, for the same row and column, unchanged', async () => {
  const vault = await open();
  const seal = things(vault);
  const sealed = seal.seal('kept', ['a']);
  assert.ok(!sealed.includes('kept'));
  assert.notDeepEqual(seal.seal('kept', ['a']), sealed, 'twice is not the same');
  assert.equal(seal.open(sealed, ['a']).toString(), 'kept');
  const other = vault.column({ table: 'things', column: 'other', key: ['name'] });
  for (const wrong of [() => seal.open(sealed, ['b']), () => other.open(sealed, ['a'])]) {
    assert.throws(wrong, { code: 'SECRET_UNREADABLE' });
  }
  for (let at = 0; at < sealed.length; at++) {
    const torn = Buffer.from(sealed);
    torn[at] = (torn[at] ?? 0) ^ 1;
    assert.throws(() => seal.open(torn, ['a']), { code: 'SECRET_UNREADABLE' }, `byte ${at}`);
    assert.throws(() => seal.open(sealed.subarray(0, at), ['a']), { code: 'SECRET_UNREADABLE' }, `${at} bytes`);
  }
});

test('the key is made once, for its owner only', async () => {
  await put(await open(), 'a', 'first');
  const file = await readFile(keyFile(), 'utf8');
  assert.equal((await stat(keyFile())).mode & 0o777, 0o600);
  assert.equal(await get(await open(), 'a'), 'first');
  assert.equal(await readFile(keyFile(), 'utf8'), file);
});

test('a server does not start without the key, with another one, or with one that others can read', async () => {
  await open();
  const file = await readFile(keyFile(), 'utf8');
  await rm(keyFile());
  await assert.rejects(open(), { code: 'CONFIG_INVALID', message: /is missing/ });
  await assert.rejects(open({ key: base64() }), { code: 'CONFIG_INVALID', message: /another one/ });
  await writeFile(keyFile(), file, { mode: 0o600 });
  await chmod(keyFile(), 0o640);
  await assert.rejects(open(), { code: 'CONFIG_INVALID', message: /chmod 600/ });
  await chmod(keyFile(), 0o600);
  await open();
  await assert.rejects(
    open({ key: 'short' }),
    (error: Error) => /no key/.test(error.message) && !/short/.test(error.message),
  );
});

test('a new key seals everything anew while others write, and the old one is forgotten', async () => {
  const vault = await open();
  things(vault);
  for (let nth = 0; nth < 1_200; nth++) await put(vault, `n${nth}`, `secret ${nth}`);
  const before = await readFile(keyFile(), 'utf8');
  await vault.start();
  await vault.rotation.begin();
  await put(vault, 'late', 'late');
  await rotated(vault);
  const { done, left, keys, failure } = vault.rotation.state();
  assert.deepEqual({ left, keys, failure }, { left: 0, keys: 1, failure: null });
  assert.ok(done >= 1_200);
  const after = await readFile(keyFile(), 'utf8');
  assert.notEqual(after, before);
  assert.equal(after.trim().split('\n').length, 2, 'a remark and one key');
  const next = await open();
  assert.equal(await get(next, 'n1199'), 'secret 1199');
  assert.equal(await get(next, 'late'), 'late');
  await writeFile(keyFile(), before, { mode: 0o600 });
  await assert.rejects(open(), { code: 'CONFIG_INVALID' });
});

test('a change of the key that is cut off goes on at the next start', async () => {
  const vault = await open();
  things(vault);
  for (let nth = 0; nth < 600; nth++) await put(vault, `n${nth}`, `secret ${nth}`);
  await vault.rotation.begin();
  await vault.stop();
  const halfway = await open();
  things(halfway);
  assert.equal(await get(halfway, 'n599'), 'secret 599');
  assert.equal(halfway.rotation.state().keys, 2);
  await halfway.start();
  await rotated(halfway);
  assert.equal(halfway.rotation.state().keys, 1);
  assert.equal(await get(await open(), 'n0'), 'secret 0');
});

test('a key of the configuration is changed by the operator', async () => {
  const [old, fresh] = [base64(), base64()];
  const vault = await open({ key: old });
  await put(vault, 'a', 'kept');
  await assert.rejects(vault.rotation.begin(), { code: 'CONFLICT', message: /previousKeys/ });
  const next = await open({ key: fresh, previousKeys: old });
  things(next);
  await next.start();
  await rotated(next);
  assert.equal(await get(await open({ key: fresh }), 'a'), 'kept');
  await assert.rejects(stat(keyFile()), { code: 'ENOENT' });
});

test('secrets from before there was a vault are sealed at the start, and emptied', async () => {
  await database.pool.query("INSERT INTO things (name, plain) VALUES ('old', 'in the clear'), ('none', NULL)");
  const vault = await open();
  things(vault);
  await vault.start();
  assert.equal(await get(vault, 'old'), 'in the clear');
  const { rows } = await database.pool.query('SELECT name FROM things WHERE plain IS NOT NULL');
  assert.deepEqual(rows, []);
});

test('servers that start at once agree on a secret', async () => {
  const key = base64();
  const vaults = await Promise.all(Array.from({ length: 4 }, () => open({ key })));
  const made = await Promise.all(vaults.map((vault) => vault.secret('shared', () => base64())));
  assert.equal(new Set(made.map(String)).size, 1);
});

test('of servers that start at once with one key file one makes the key', async () => {
  const vaults = await Promise.all(Array.from({ length: 5 }, () => open()));
  const sealed = vaults.map((vault, nth) => things(vault).seal(`of ${nth}`, [`n${nth}`]));
  const after = things(await open());
  assert.deepEqual(
    sealed.map((value, nth) => after.open(value, [`n${nth}`]).toString()),
    vaults.map((_, nth) => `of ${nth}`),
  );
});

test('the old key is kept while a transaction from before is open', async () => {
  const vault = await open();
  const seal = things(vault);
  const client = await database.pool.connect();
  await client.query('BEGIN');
  await client.query('INSERT INTO things (name, secret) VALUES ($1, $2)', ['slow', seal.seal('slow', ['slow'])]);
  await vault.rotation.begin();
  while (vault.rotation.state().left > 0 || vault.rotation.state().done === 0) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.equal(vault.rotation.state().keys, 2);
  await client.query('COMMIT');
  client.release();
  await rotated(vault);
  assert.equal(vault.rotation.state().keys, 1);
  assert.equal(await get(await open(), 'slow'), 'slow');
});

test('what was sealed before a new key came, and written after, is read', async () => {
  const vault = await open({}, 500);
  const late = things(vault).seal('late', ['late']);
  await vault.rotation.begin();
  while (vault.rotation.state().done === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await database.pool.query('INSERT INTO things (name, secret) VALUES ($1, $2)', ['late', late]);
  await rotated(vault);
  assert.equal(vault.rotation.state().keys, 1);
  assert.equal(await get(await open(), 'late'), 'late');
});

test('a key that other servers may need is not changed behind their backs', async () => {
  const shared = await openVault({ pool: database.pool, dataDir, config: {}, log, isShared: true });
  await assert.rejects(shared.rotation.begin(), { code: 'CONFLICT', message: /previousKeys/ });
});
