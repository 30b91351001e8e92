import { readFile } from 'node:fs/promises';
import { bug } from '@muster/contract';

/** Handles that a process needs besides its connections: files, pipes, the database. */
const BESIDES = 200;

/**
 * Node raises its limit of open files as far as it may, and children inherit that; more needs an administrator.
 * Throws when `connections` do not fit into one process.
 */
export async function needOpenFiles(connections: number): Promise<void> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const hard = /^Max open files\s+\d+\s+(\d+|unlimited)/m.exec(limits)?.[1];
  if (hard === undefined || hard === 'unlimited' || Number(hard) >= connections + BESIDES) return;
  throw bug(`${connections} connections need ${connections + BESIDES} open files and ${hard} are allowed: ulimit -Hn`);
}
