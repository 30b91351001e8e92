import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, realpath } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { MusterError } from '@muster/contract';

export interface DataDirLock {
  release(): Promise<void>;
}

/**
 * Takes a data directory for this process, or throws DATA_DIR_IN_USE. The lock is a socket name that the kernel frees
 * when the process dies in any way, so there is never a stale lock to remove by hand.
 */
export async function lockDataDir(directory: string): Promise<DataDirLock> {
  await makeWritable(directory);
  const key = createHash('sha256')
    .update(await realpath(directory))
    .digest('hex')
    .slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  await listen(server, process.platform === 'win32' ? `\\\\.\\pipe\\muster-${key}` : `\0muster-${key}`, directory);
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** The likeliest mistake in production: the directory belongs to somebody else. */
async function makeWritable(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? String(cause);
    const say = `dataDir ${directory} cannot be written by this user (${why}). Give it to this user, or choose another with --dataDir.`;
    throw new MusterError('CONFIG_INVALID', { directory }, { cause, say });
  }
}

function listen(server: Server, path: string, directory: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE') return reject(cause);
      const say = `Another Muster server is running on ${directory}. Stop it first, or give this one another directory with --dataDir.`;
      reject(new MusterError('DATA_DIR_IN_USE', { directory }, { cause, say }));
    });
    server.listen({ path }, resolve);
  });
}
