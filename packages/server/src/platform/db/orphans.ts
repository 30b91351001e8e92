import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import type { Logger } from '../log.ts';

/** The port is in the name of the socket; both are ours alone. */
const SOCKET = '.s.PGSQL.5432';

/**
 * Ends what is left of a killed server's PostgreSQL, so that the next can start: the postmaster, or its children when
 * that was killed as well, which may be in the middle of a write. Then its lock files go: the numbers in them may be
 * those of other programs by now (they start over in a container), and PostgreSQL would wait for those for ever. The
 * caller holds the lock of the data directory, so that nobody else can be starting here.
 * Throws DATABASE_START_FAILED when a process does not end.
 */
export async function clearOrphans(cluster: string, socketDir: string, log: Logger): Promise<void> {
  const file = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
  if (Number.isInteger(pid) && pid > 1 && (await isPostgresOf(pid, cluster))) {
    log.warn({ pid }, 'a database of a killed server is still running; stopping it');
    const isGone = async (): Promise<boolean> => !(await isPostgresOf(pid, cluster));
    signal(pid, 'SIGINT');
    if (!(await within(15_000, isGone))) {
      // PostgreSQL's immediate stop: it recovers from the write-ahead log at the next start
      signal(pid, 'SIGQUIT');
      if (!(await within(5_000, isGone))) throw stays(pid);
    }
  }
  await endChildren(cluster, log);
  for (const path of [file, join(socketDir, SOCKET), join(socketDir, `${SOCKET}.lock`)])
    await rm(path, { force: true });
}

/** They end by themselves when they see that their postmaster is gone; one in a long statement looks late. */
async function endChildren(cluster: string, log: Logger): Promise<void> {
  const home = await realpath(cluster);
  const areGone = async (): Promise<boolean> => (await processesIn(home)).length === 0;
  if (await within(2_000, areGone)) return;
  const left = await processesIn(home);
  log.warn({ pids: left }, 'processes of a killed database are still running; killing them');
  for (const pid of left) signal(pid, 'SIGKILL');
  if (!(await within(5_000, areGone))) throw stays(left[0] ?? 0);
}

/** PostgreSQL's processes work in the directory of their cluster; their names tell nothing (Linux; elsewhere: none). */
async function processesIn(directory: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    // those of other users cannot be read, and are none of ours
    const at = await readlink(`/proc/${name}/cwd`).catch(() => null);
    if (at !== directory) continue;
    const program = await readFile(`/proc/${name}/comm`, 'utf8').catch(() => '');
    if (program.startsWith('postgres')) found.push(Number(name));
  }
  return found;
}

/** A process number may have been given to another program since; the command line tells (Linux; elsewhere: not ours). */
async function isPostgresOf(pid: number, cluster: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(cluster);
}

async function within(limitMs: number, isSo: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + limitMs; ; await delay(50)) {
    if (await isSo()) return true;
    if (Date.now() > until) return false;
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // it ended in this moment
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function stays(pid: number): MusterError {
  const say = `The embedded PostgreSQL did not start: process ${pid} of an earlier one does not end.`;
  return new MusterError('DATABASE_START_FAILED', { pid }, { say });
}
