import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, chown, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

const PROGRAM = new URL('./embedded.fixture.ts', import.meta.url).pathname;
let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-pg-test-'));
});
after(() => rm(directory, { recursive: true, force: true }));

/** Runs a process that owns the database; `said` resolves with its next line. */
function start(dataDir: string, user?: { uid: number; gid: number }) {
  const child = spawn(process.execPath, [PROGRAM, dataDir], { stdio: ['pipe', 'pipe', 'pipe'], ...user });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let words = '';
  child.stderr.on('data', (chunk) => {
    words += chunk;
  });
  return {
    child,
    async said(): Promise<string> {
      const next = await lines.next();
      return next.done === true ? `ended: ${words}` : next.value;
    },
    ask: (line: string) => void child.stdin.write(`${line}\n`),
  };
}

function gone(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => (child.exitCode !== null ? resolve(child.exitCode) : child.once('exit', resolve)));
}

test('a killed server loses no acknowledged row, and the next start needs no hand', async () => {
  const dataDir = join(directory, 'kill');
  for (let round = 0; round < 3; round++) {
    const owner = start(dataDir);
    assert.equal(await owner.said(), `rows ${round}`);
    owner.ask('insert');
    assert.equal(await owner.said(), 'inserted');
    owner.child.kill('SIGKILL');
    await gone(owner.child);
  }
  const last = start(dataDir);
  assert.equal(await last.said(), 'rows 3');
  last.ask('stop');
  assert.equal(await gone(last.child), 0);
});

test('a server and its postmaster killed together leave nothing that hinders the next start', async () => {
  const dataDir = join(directory, 'both');
  const owner = start(dataDir);
  assert.equal(await owner.said(), 'rows 0');
  owner.ask('insert');
  assert.equal(await owner.said(), 'inserted');
  const postmaster = Number.parseInt(await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8'), 10);
  // its children are not killed: they find out by themselves
  owner.child.kill('SIGKILL');
  process.kill(postmaster, 'SIGKILL');
  await gone(owner.child);
  const next = start(dataDir);
  assert.equal(await next.said(), 'rows 1');
  next.ask('stop');
  assert.equal(await gone(next.child), 0);
});

test('a second start on the same data directory is refused with a clear sentence', async () => {
  const dataDir = join(directory, 'twice');
  const first = start(dataDir);
  assert.equal(await first.said(), 'rows 0');
  const second = start(dataDir);
  assert.match(await second.said(), /^DATA_DIR_IN_USE Another Muster server is running on .*twice/);
  await gone(second.child);
  first.ask('stop');
  assert.equal(await gone(first.child), 0);
});

test('a cluster that was never finished is made anew', async () => {
  const dataDir = join(directory, 'half');
  await mkdir(join(dataDir, 'pg.new', 'base'), { recursive: true });
  await writeFile(join(dataDir, 'pg.new', 'PG_VERSION'), '18\n');
  const owner = start(dataDir);
  assert.equal(await owner.said(), 'rows 0');
  owner.ask('stop');
  await gone(owner.child);
});

test('an ordinary user without a home runs it, also from a long path', { skip: process.getuid?.() !== 0 }, async () => {
  const dataDir = join(directory, 'an-ordinary-user'.repeat(6));
  const nobody = { uid: 65_534, gid: 65_534 };
  await mkdir(dataDir);
  await chmod(directory, 0o755);
  await chown(dataDir, nobody.uid, nobody.gid);
  const owner = start(dataDir, nobody);
  assert.equal(await owner.said(), 'rows 0');
  owner.ask('stop');
  assert.equal(await gone(owner.child), 0);
});

test('a user without a name, as containers have, runs it too', { skip: process.getuid?.() !== 0 }, async () => {
  const dataDir = join(directory, 'nameless');
  const nameless = { uid: 54_321, gid: 54_321 };
  await mkdir(dataDir);
  await chmod(directory, 0o755);
  await chown(dataDir, nameless.uid, nameless.gid);
  const owner = start(dataDir, nameless);
  assert.equal(await owner.said(), 'rows 0');
  owner.ask('stop');
  assert.equal(await gone(owner.child), 0);
});

test('a copy of the data with foreign lock files starts', async () => {
  const from = join(directory, 'kill');
  const dataDir = join(directory, 'copy');
  await cp(from, dataDir, { recursive: true, filter: (path) => !path.endsWith('/run') });
  await mkdir(join(dataDir, 'pg', 'run'), { recursive: true });
  // this process is alive and no postgres of this cluster: the number of one that was killed may be anybody's by now
  const foreign = `${process.pid}\n${join(dataDir, 'pg')}\n`;
  await writeFile(join(dataDir, 'pg', 'postmaster.pid'), foreign);
  await writeFile(join(dataDir, 'pg', 'run', '.s.PGSQL.5432.lock'), foreign);
  const owner = start(dataDir);
  assert.equal(await owner.said(), 'rows 3');
  owner.ask('stop');
  await gone(owner.child);
});
