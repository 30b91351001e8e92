import { mkdtemp, readdir, readlink, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MusterError } from '@muster/contract';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../../bench/server-process.ts';
import { copyTestCluster } from '../../../packages/server/src/platform/db/test-cluster.fixture.ts';
import { collectedHeapMb } from './heap.ts';

/** A server on a data directory that outlives it: killed and started again, on the same ports or on new ones. */
export interface BreakableServer {
  /** The process that runs now, or the last one that did. */
  readonly now: ServerProcess;
  readonly dataDir: string;
  /** What it wrote to its log, warnings and worse, over all its lives. */
  readonly logged: { lines: number; bytes: number; readonly worst: string[] };
  start(): Promise<void>;
  /** What its JavaScript holds after a full collection, MB; only when it is `inspected`. */
  heapMb(): Promise<number>;
  /** Stops it, ends whatever is left of its database, removes its data. Does not reject. */
  end(): Promise<void>;
}

export interface BreakableOptions {
  readonly flags?: readonly string[];
  /** Default: a new directory that is removed at the end. */
  readonly dataDir?: string;
  /** Lets {@link BreakableServer.heapMb} look into it. */
  readonly inspected?: boolean;
}

/** Lines of level "error" that are kept to be shown. */
const KEPT_LINES = 20;

export async function startBreakable(options: BreakableOptions = {}): Promise<BreakableServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'muster-fault-')));
  await copyTestCluster(dataDir, { isSynced: true });
  const logged = { lines: 0, bytes: 0, worst: [] as string[] };
  const onLog = (line: string): void => {
    logged.lines += 1;
    logged.bytes += line.length + 1;
    if (!line.includes('"level":"warn"') && logged.worst.length < KEPT_LINES) logged.worst.push(line);
  };
  let inspector = '';
  const nodeFlags = options.inspected === true ? ['--inspect=127.0.0.1:0'] : [];

  async function start(): Promise<ServerProcess> {
    const last: string[] = [];
    const onLine = (line: string): void => {
      inspector = /^Debugger listening on (ws:\S+)/.exec(line)?.[1] ?? inspector;
      if (line.startsWith('{')) onLog(line);
      last.push(line);
      if (last.length > KEPT_LINES) last.shift();
    };
    try {
      return await startServerProcess({
        dataDir,
        main: STUB_MAIN,
        onLog: onLine,
        flags: options.flags ?? [],
        nodeFlags,
      });
    } catch (cause) {
      throw new MusterError('UNAVAILABLE', {}, { cause, say: `The server did not start:\n${last.join('\n')}` });
    }
  }
  let now: ServerProcess;
  try {
    now = await start();
  } catch (error) {
    await endDatabase(dataDir);
    if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  return {
    get now() {
      return now;
    },
    dataDir,
    logged,
    async start() {
      now = await start();
    },
    heapMb: () => collectedHeapMb(inspector),
    async end() {
      await now.stop();
      await endDatabase(dataDir);
      if (options.dataDir === undefined) await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A PostgreSQL whose server was killed lives on: its processes are known by their working directory. */
async function endDatabase(dataDir: string): Promise<void> {
  const cluster = join(await realpath(dataDir), 'pg');
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const at = await readlink(`/proc/${name}/cwd`).catch(() => '');
    if (at === cluster) process.kill(Number(name), 'SIGKILL');
  }
}
