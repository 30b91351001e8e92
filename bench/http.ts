import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bug, type Command, type DeviceBatchCreated } from '@muster/contract';
import { Pool } from 'pg';
import { startChild, told } from './children/child.ts';
import { defineBench } from './define.ts';
import type { BareJob } from './http/bare.ts';
import { cpuSeconds, pin, pinDatabase } from './http/cores.ts';
import type { DoersJob } from './http/doers.ts';
import type { HttpJob, HttpReport } from './http/load.ts';
import { percentile } from './report/statistics.ts';
import { type ServerProcess, STUB_MAIN, startServerProcess } from './server-process.ts';

/** The server has this core for itself; the database and the load have the other. */
const SERVER_CORE = 0;
const OTHER_CORE = 1;
/** As the server's own default. */
const POOL_SIZE = 12;
/** Commands on their way at a time. */
const AT_ONCE = 4;

export const bench = defineBench({
  name: 'http',
  summary: 'Device reads with session and database on one core, beside a bare route; round trips of commands over MQTT',
  options: {
    connections: { default: 100, summary: 'connections that read' },
    seconds: { default: 10, summary: 'counted time of one round' },
    rounds: { default: 3, summary: 'rounds of each route, alternating' },
    devices: { default: 1_000, summary: 'devices that are connected over MQTT' },
    commands: { default: 2_000, summary: 'commands, each waited for until it is confirmed' },
  },
  goals: {
    readsPerSecond: { atLeast: 8_000 },
    readP95Ms: { atMost: 50 },
    commandRoundTripP95Ms: { atMost: 50 },
  },
  async run({ options, progress, signal }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'muster-bench-'));
    try {
      // one session reads for everybody
      const flags = ['--accounts.requestsPerSecond=1000000'];
      const server = await startServerProcess({ dataDir, main: STUB_MAIN, flags });
      try {
        progress('making devices');
        const made = await makeDevices(server, options.devices);
        await pin(server.pid, SERVER_CORE);
        await pinDatabase(dataDir, OTHER_CORE);
        const reads = await read(server, made, options, progress, signal);
        progress('sending commands');
        const commands = await roundTrips(server, made, options.commands, signal);
        const commandRoundTripP95Ms = await threeWrites(await server.databaseUrl(), options.commands / 4);
        return { figures: { ...reads.figures, ...commands }, beside: { ...reads.beside, commandRoundTripP95Ms } };
      } finally {
        await server.stop();
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
});

interface Made {
  readonly deviceId: string;
  readonly token: string;
}

async function makeDevices(server: ServerProcess, count: number): Promise<readonly Made[]> {
  const made: Made[] = [];
  while (made.length < count) {
    const devices = Array.from({ length: Math.min(1_000, count - made.length) }, (_, nth) => ({
      name: `device ${made.length + nth}`,
      tags: ['bench'],
    }));
    const batch = await server.call<DeviceBatchCreated>('POST', '/api/devices/batch', { devices });
    made.push(...batch.devices.map(({ device, token }) => ({ deviceId: device.deviceId, token })));
  }
  return made;
}

async function read(
  server: ServerProcess,
  made: readonly Made[],
  options: { readonly connections: number; readonly seconds: number; readonly rounds: number },
  progress: (what: string, done: number, total: number) => void,
  signal: AbortSignal,
) {
  const connectionString = await server.databaseUrl();
  const bare = startChild(new URL('./http/bare.ts', import.meta.url), {
    connectionString,
    poolSize: POOL_SIZE,
  } satisfies BareJob);
  try {
    const { port: barePort } = await told<{ port: number }>(bare);
    await pin(bare.pid ?? 0, SERVER_CORE);
    const job = {
      connections: options.connections,
      paths: made.map(({ deviceId }) => `/api/devices/${deviceId}`),
      token: server.token,
      warmSeconds: 2,
      seconds: options.seconds,
    };
    const [ours, theirs]: [HttpReport[], HttpReport[]] = [[], []];
    let cpu = 0;
    for (let round = 0; round < options.rounds && !signal.aborted; round++) {
      progress('bare route', round, options.rounds);
      theirs.push(await load({ ...job, port: barePort }));
      progress('device read', round, options.rounds);
      const before = await cpuSeconds(server.pid);
      const report = await load({ ...job, port: Number(new URL(server.url).port) });
      cpu += ((await cpuSeconds(server.pid)) - before) / (options.seconds + job.warmSeconds);
      ours.push(report);
    }
    const readsPerSecond = median(ours.map((one) => one.requestsPerSecond));
    const bareReadsPerSecond = median(theirs.map((one) => one.requestsPerSecond));
    return {
      figures: {
        readsPerSecond,
        readP50Ms: median(ours.map((one) => one.p50Ms)),
        readP95Ms: median(ours.map((one) => one.p95Ms)),
        readP99Ms: median(ours.map((one) => one.p99Ms)),
        readsFailed: ours.reduce((sum, { failed }) => sum + failed, 0),
        ratio: readsPerSecond / bareReadsPerSecond,
        /** 1: it had its core for itself and used it up. */
        serverCoreShare: cpu / options.rounds,
      },
      beside: { readsPerSecond: bareReadsPerSecond, readP95Ms: median(theirs.map((one) => one.p95Ms)) },
    };
  } finally {
    if (bare.connected) bare.disconnect();
  }
}

async function load(job: HttpJob): Promise<HttpReport> {
  const child = startChild(new URL('./http/load.ts', import.meta.url), job);
  try {
    await pin(child.pid ?? 0, OTHER_CORE);
    return await told<HttpReport>(child);
  } finally {
    child.kill();
  }
}

/** POST of a command until its answer, which says that the device confirmed it. */
async function roundTrips(server: ServerProcess, made: readonly Made[], count: number, signal: AbortSignal) {
  const doers = startChild(new URL('./http/doers.ts', import.meta.url), {
    port: server.mqttPort,
    tokens: made.map(({ token }) => token),
  } satisfies DoersJob);
  try {
    await pin(doers.pid ?? 0, OTHER_CORE);
    const { connected } = await told<{ connected: number }>(doers);
    if (connected < made.length) throw bug('not every device connected');
    const times: number[] = [];
    let sent = 0;
    async function sender(): Promise<void> {
      while (sent < count && !signal.aborted) {
        const { deviceId } = made[(sent++ * 7) % made.length] ?? { deviceId: '' };
        const begun = performance.now();
        const command = await server.call<Command>('POST', `/api/devices/${deviceId}/commands?waitMs=20000`, {
          name: 'blink',
        });
        times.push(performance.now() - begun);
        if (command.state !== 'confirmed') throw bug(`a command ended as ${command.state}`);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, sender));
    // the first ones meet code that was never run
    const counted = times.slice(Math.floor(count / 10));
    return {
      commandRoundTripP50Ms: percentile(counted, 0.5),
      commandRoundTripP95Ms: percentile(counted, 0.95),
      commandRoundTripP99Ms: percentile(counted, 0.99),
    };
  } finally {
    doers.kill();
  }
}

/**
 * The least that a round trip must wait for: a command is stored, claimed and ended, each durable before the next. The
 * same number of them at a time, past the server; ms, p95.
 */
async function threeWrites(connectionString: string, count: number): Promise<number> {
  const pool = new Pool({ connectionString, max: AT_ONCE });
  try {
    await pool.query('CREATE TABLE bench_writes (n integer)');
    const times: number[] = [];
    async function writer(): Promise<void> {
      while (times.length < count) {
        const begun = performance.now();
        for (let nth = 0; nth < 3; nth++) await pool.query('INSERT INTO bench_writes VALUES (1)');
        times.push(performance.now() - begun);
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, writer));
    return percentile(times, 0.95);
  } finally {
    await pool.end();
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
