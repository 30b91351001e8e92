import { type ChildProcess, spawn } from 'node:child_process';
import { access, chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import { Client } from 'pg';
import type { Logger } from '../log.ts';
import { findBinaries, type PostgresBinaries } from './binaries.ts';
import { clearOrphans } from './orphans.ts';
import { type Identity, postgresIdentity } from './privileges.ts';

export interface EmbeddedPostgres {
  /** For `pg`: a Unix socket in a directory that only this user can enter. */
  readonly connectionString: string;
  /** Fast shutdown: rolls back what is open, writes a checkpoint, ends. Kills it after `limitMs`. */
  stop(limitMs?: number): Promise<void>;
}

/** sockaddr_un holds 107 bytes; PostgreSQL appends "/.s.PGSQL.5432". */
const LONGEST_SOCKET_DIR = 107 - '/.s.PGSQL.5432'.length;
const START_LIMIT_MS = 60_000;
const LONGEST_RESTART_WAIT_MS = 10_000;
const USER = 'muster';

/**
 * Starts a real PostgreSQL on `dataDir`/pg, making the cluster when there is none. The caller holds the lock of the
 * data directory, so a postmaster found running there is an orphan of a killed server and is stopped first. A database
 * that ends by itself is started again.
 * Throws DATABASE_START_FAILED with PostgreSQL's own last words.
 */
export async function startEmbeddedPostgres(dataDir: string, log: Logger): Promise<EmbeddedPostgres> {
  const identity = await postgresIdentity();
  const binaries = await findBinaries(join(resolve(dataDir), 'pg-lib'));
  const cluster = join(resolve(dataDir), 'pg');
  if (identity.user !== null) await chmod(dataDir, 0o711);
  if (!(await exists(cluster))) await initialise(cluster, binaries, identity);
  const socketDir = await socketDirectory(dataDir, identity);
  await clearOrphans(cluster, socketDir, log);
  const connectionString = `postgresql://${USER}@/${USER}?host=${encodeURIComponent(socketDir)}`;
  const administration = connectionString.replace(`/${USER}?`, '/postgres?');
  let child = await run();
  await ensureDatabase(administration);
  let stopping = false;
  let restart = Promise.resolve();
  child.once('exit', onExit);

  async function run(): Promise<ChildProcess> {
    const started = launch(cluster, socketDir, binaries, identity);
    const words = collectWords(started, log);
    await waitUntilReady(administration, started, words.last);
    words.ready = true;
    return started;
  }

  function onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (stopping) return;
    log.error({ code, signal }, 'the database ended by itself; starting it again');
    restart = restart.then(startAgain);
  }

  /** Tries until it stands or the server stops; meanwhile every query is refused with DATABASE_UNAVAILABLE. */
  async function startAgain(): Promise<void> {
    for (let waitMs = 200; !stopping; waitMs = Math.min(waitMs * 2, LONGEST_RESTART_WAIT_MS)) {
      try {
        await clearOrphans(cluster, socketDir, log);
        child = await run();
        child.once('exit', onExit);
        log.info('the database stands again');
        return;
      } catch (error) {
        log.error({ err: error, waitMs }, 'the database did not start');
        await delay(waitMs);
      }
    }
  }

  return {
    connectionString,
    async stop(limitMs = 10_000) {
      stopping = true;
      await restart;
      await end(child, limitMs);
      if (!socketDir.startsWith(cluster)) await rm(socketDir, { recursive: true, force: true });
    },
  };
}

/** SIGINT is PostgreSQL's fast shutdown. */
async function end(child: ChildProcess, limitMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGINT');
  await Promise.race([ended, delay(limitMs, undefined, { ref: false })]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
  await ended;
}

/** Made aside and renamed when whole: a killed initdb leaves nothing that looks like a cluster. */
async function initialise(cluster: string, binaries: PostgresBinaries, identity: Identity): Promise<void> {
  const aside = `${cluster}.new`;
  await rm(aside, { recursive: true, force: true });
  await mkdir(aside, { recursive: true, mode: 0o700 });
  await identity.own(aside);
  const options = ['-D', aside, '-U', USER, '--auth=trust', '-E', 'UTF8', '--locale=C.UTF-8', '--data-checksums'];
  const [program, ...rest] = [...identity.prefix, binaries.initdb, ...options];
  const child = spawn(program ?? binaries.initdb, rest, {
    env: binaries.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...identity.user,
  });
  const words: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => words.push(line));
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw failed('initdb', words);
  await rename(aside, cluster);
}

function launch(cluster: string, socketDir: string, binaries: PostgresBinaries, identity: Identity): ChildProcess {
  const settings = {
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    max_connections: '60',
    shared_buffers: '128MB',
    jit: 'off',
    max_wal_size: '2GB',
    // as for a disk without a head to move: at the default of 4 a chart reads the points of all series to get those of one
    random_page_cost: '1.1',
    timezone: 'UTC',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const [program, ...rest] = [...identity.prefix, binaries.postgres, '-D', cluster, ...options];
  // a session of its own: Ctrl-C in the terminal must reach the server first, which then stops the database last
  return spawn(program ?? binaries.postgres, rest, {
    env: binaries.environment,
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    ...identity.user,
  });
}

interface Words {
  readonly last: string[];
  /** Before this, refused connections are our own asking whether it is up. */
  ready: boolean;
}

function collectWords(child: ChildProcess, log: Logger): Words {
  const words: Words = { last: [], ready: false };
  if (child.stderr === null) return words;
  createInterface({ input: child.stderr }).on('line', (line) => {
    words.last.push(line);
    if (words.last.length > 20) words.last.shift();
    const serious = words.ready && /\b(FATAL|PANIC|ERROR|WARNING):/.test(line);
    log[serious ? 'warn' : 'debug']({ line }, 'postgres');
  });
  return words;
}

async function waitUntilReady(connectionString: string, child: ChildProcess, words: readonly string[]): Promise<void> {
  let spawnError: Error | undefined;
  child.once('error', (error) => {
    spawnError = error;
  });
  const until = Date.now() + START_LIMIT_MS;
  while (Date.now() < until) {
    if (spawnError !== undefined) throw failed('postgres', words, spawnError);
    if (child.exitCode !== null || child.signalCode !== null) throw failed('postgres', words);
    if (await canConnect(connectionString)) return;
    await delay(30);
  }
  child.kill('SIGKILL');
  throw failed('postgres', [...words, `not ready after ${START_LIMIT_MS} ms`]);
}

async function canConnect(connectionString: string): Promise<boolean> {
  const client = new Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function ensureDatabase(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [USER]);
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${USER}`);
  } finally {
    await client.end();
  }
}

async function socketDirectory(dataDir: string, identity: Identity): Promise<string> {
  const near = join(resolve(dataDir), 'pg', 'run');
  const fits = Buffer.byteLength(near) <= LONGEST_SOCKET_DIR;
  const directory = fits ? near : await mkdtemp(join(tmpdir(), 'muster-pg-'));
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await chmod(directory, 0o700);
  await identity.own(directory);
  return directory;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function failed(program: string, words: readonly string[], cause?: unknown): MusterError {
  const last = words.slice(-5).join(' | ') || 'it said nothing';
  const say = `The embedded PostgreSQL did not start (${program}): ${last}`;
  return new MusterError('DATABASE_START_FAILED', { program }, { cause, say });
}
