import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** Ties a process, with all its threads, to one core. Its children of later inherit that. */
export async function pin(pid: number, core: number): Promise<void> {
  await promisify(execFile)('taskset', ['-a', '-cp', String(core), String(pid)]);
}

/** Ties the embedded PostgreSQL of a data directory to a core, with the connections that it has open. */
export async function pinDatabase(dataDir: string, core: number): Promise<void> {
  const postmaster = Number((await readFile(join(dataDir, 'pg', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  for (const pid of [postmaster, ...(await childrenOf(postmaster))]) {
    await pin(pid, core).catch((error: Error & { code?: unknown }) => {
      // a worker that has ended meanwhile; taskset itself must be there
      if (error.code === 'ENOENT') throw error;
    });
  }
}

async function childrenOf(parent: number): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const pid of pids) {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent) found.push(Number(pid));
  }
  return found;
}

/** What a process has used of its core since it began, s. */
export async function cpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // user and system time, in hundredths (proc(5): fields 14 and 15)
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
