import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { MusterError } from '@muster/contract';

/** Debian's NATS server on loopback, which a test may kill and start again on the same port. */
export interface TestNats {
  readonly url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
}

const START_MS = 10_000;

/** Why tests with NATS cannot run here, or false when they can. */
export function natsMissing(): string | false {
  return spawnSync('nats-server', ['--version']).error === undefined ? false : 'nats-server is not installed';
}

export async function startNats(flags: readonly string[] = []): Promise<TestNats> {
  let child: ChildProcess | null = null;
  let port = -1;

  async function start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const begun = spawn('nats-server', ['-a', '127.0.0.1', '-p', String(port), ...flags], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = begun;
    const timer = setTimeout(() => reject(new MusterError('BUS_UNAVAILABLE', { afterMs: START_MS })), START_MS);
    begun.once('error', reject);
    begun.once('exit', (code) => reject(new MusterError('BUS_UNAVAILABLE', { exitCode: code })));
    createInterface({ input: begun.stderr }).on('line', (line) => {
      const found = /Listening for client connections on [^ ]*:(\d+)/.exec(line)?.[1];
      if (found !== undefined) port = Number(found);
      if (line.includes('Server is ready')) resolve(port);
    });
    try {
      await promise;
    } catch (error) {
      begun.kill('SIGKILL');
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  await start();
  return {
    get url() {
      return `nats://127.0.0.1:${port}`;
    },
    start,
    async kill() {
      const running = child;
      child = null;
      if (running === null || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => void running.once('exit', () => resolve()));
      running.kill('SIGKILL');
      await ended;
    },
  };
}
