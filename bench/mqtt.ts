import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bug } from '@muster/contract';
import { startChild, told } from './children/child.ts';
import { defineBench } from './define.ts';
import type { LoadJob, LoadReport } from './mqtt/load.ts';

/** Debian keeps it outside of PATH. */
const MOSQUITTO = '/usr/sbin/mosquitto';

export const bench = defineBench({
  name: 'mqtt',
  summary: "QoS 1 publishes with nothing stored, against Debian's mosquitto without persistence in the same run",
  options: {
    connections: { default: 1_000, summary: 'clients that publish' },
    window: { default: 16, summary: 'publishes of one client on their way' },
    bytes: { default: 150, summary: 'payload' },
    seconds: { default: 8, summary: 'counted time of one round' },
    rounds: { default: 3, summary: 'rounds of each broker, alternating' },
    idle: { default: 10_000, summary: 'connections for the memory of one; 0 leaves it out' },
  },
  goals: { ratio: { atLeast: 0.7 }, idleKbPerConnection: { atMost: 15 } },
  async run({ options, progress, signal }) {
    const mosquitto = await startMosquitto();
    const gateway = await startGateway();
    try {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 0; round < options.rounds && !signal.aborted; round++) {
        const job = {
          connections: options.connections,
          window: options.window,
          payloadBytes: options.bytes,
          warmSeconds: 2,
          seconds: options.seconds,
        };
        progress('mosquitto', round, options.rounds);
        theirs.push(await acked({ ...job, port: mosquitto.port }));
        progress('gateway', round, options.rounds);
        ours.push(await acked({ ...job, port: gateway.port }));
      }
      const ackedPerSecond = median(ours);
      const mosquittoAckedPerSecond = median(theirs);
      gateway.stop();
      const idle = options.idle === 0 ? null : await idleKb(options.idle, progress);
      return {
        figures: {
          ackedPerSecond,
          ratio: ackedPerSecond / mosquittoAckedPerSecond,
          ...(idle === null ? {} : { idleKbPerConnection: idle }),
        },
        beside: { mosquittoAckedPerSecond },
      };
    } finally {
      mosquitto.stop();
      gateway.stop();
    }
  },
});

interface Broker {
  readonly port: number;
  readonly pid: number;
  stop(): void;
}

async function startGateway(): Promise<Broker> {
  const child = fork(new URL('./mqtt/gateway.ts', import.meta.url), { execArgv: ['--expose-gc'] });
  const { port } = await told<{ port: number }>(child);
  return {
    port,
    pid: child.pid ?? 0,
    stop: () => {
      if (child.connected) child.disconnect();
    },
  };
}

async function startMosquitto(): Promise<Broker> {
  await promisify(execFile)(MOSQUITTO, ['-h']).catch((error: { code?: unknown }) => {
    if (error.code === 'ENOENT') throw bug(`${MOSQUITTO} is not installed: apt-get install mosquitto`);
  });
  const port = await freePort();
  const file = join(tmpdir(), `muster-bench-mosquitto-${process.pid}.conf`);
  await writeFile(file, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type none\n`);
  const child = spawn(MOSQUITTO, ['-c', file], { stdio: 'ignore' });
  await delay(500);
  return { port, pid: child.pid ?? 0, stop: () => void child.kill() };
}

async function acked(job: LoadJob): Promise<number> {
  const child = startLoad(job);
  try {
    const report = await told<LoadReport>(child);
    if (!('connected' in report) || report.connected < job.connections) throw bug('not every client connected');
    const result = await told<LoadReport>(child);
    return 'ackedPerSecond' in result ? result.ackedPerSecond : Number.NaN;
  } finally {
    child.kill();
  }
}

/** What one connection that does nothing adds to the process, KB: a fresh one, before and after. */
async function idleKb(connections: number, progress: (what: string) => void): Promise<number> {
  progress('idle connections');
  const gateway = await startGateway();
  const children: ChildProcess[] = [];
  try {
    // the first thousand pay for what all share
    children.push(await idlers(gateway.port, 1_000));
    await delay(3_000);
    const before = await residentKb(gateway.pid);
    children.push(await idlers(gateway.port, connections));
    await delay(5_000);
    return ((await residentKb(gateway.pid)) - before) / connections;
  } finally {
    for (const child of children) child.kill();
    gateway.stop();
  }
}

async function idlers(port: number, connections: number): Promise<ChildProcess> {
  const child = startLoad({ port, connections, window: 1, payloadBytes: 1, warmSeconds: 0, seconds: 0 });
  await told(child);
  return child;
}

function startLoad(job: LoadJob): ChildProcess {
  return startChild(new URL('./mqtt/load.ts', import.meta.url), job);
}

async function residentKb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
