import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bug } from '@muster/contract';
import type { BackoffOptions, WireName } from '@muster/testkit';
import { percentile } from '../report/statistics.ts';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../server-process.ts';
import { needOpenFiles } from './file-limit.ts';
import { fixedPorts, makeFleetDevices, whereDevicesGo } from './fleet-devices.ts';
import type { FleetJob, FleetReport } from './fleet-process.ts';
import { startProber } from './prober.ts';
import { type AckedNumbers, compareStored, numbersOf } from './stored.ts';

export interface StampedeOptions {
  readonly devices: number;
  /** Share of devices on WebSocket, percent; the others use MQTT. */
  readonly webSocketPercent: number;
  /** Seconds between two messages of a device. */
  readonly everySeconds: number;
  readonly rounds: number;
  /** How devices come back; as a rule as they do by themselves. */
  readonly backoff?: BackoffOptions;
  /** How long all are left in peace before the server is killed, ms; as a rule until each has sent something. */
  readonly settleMs?: number;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

export interface StampedeResult {
  /** From the server's word that it is ready to the last device that is back, the slowest round, ms. */
  readonly allConnectedMs: number;
  /** Of a page of devices, asked for 20 times a second meanwhile, ms. */
  readonly apiP95Ms: number;
  readonly apiFailed: number;
  /** From the start of the process to its word, ms. */
  readonly readyMs: number;
  readonly checked: number;
  readonly lost: number;
  readonly doubled: number;
  /** Of the fleet's process, for each device, KB: what it grew by as they connected. */
  readonly fleetKbPerDevice: number;
}

const PROBES_PER_SECOND = 20;
const LIMIT_MS = 120_000;
const SETTLE_MS = 3_000;

/** A fleet loses its server to `kill -9` and comes back to it, `rounds` times. */
export async function stampede(options: StampedeOptions): Promise<StampedeResult> {
  const { devices: count, say, signal } = options;
  const settleMs = options.settleMs ?? options.everySeconds * 1_000 + SETTLE_MS;
  await needOpenFiles(count);
  const dataDir = await mkdtemp(join(tmpdir(), 'muster-stampede-'));
  const flags = await fixedPorts();
  const start = (): Promise<ServerProcess> => startServerProcess({ dataDir, flags, main: STUB_MAIN });
  let server = await start();
  const fleet = fork(new URL('./fleet-process.ts', import.meta.url), { serialization: 'advanced' });
  try {
    const wireOf = (nth: number): WireName => ((nth * 37) % 100 < options.webSocketPercent ? 'websocket' : 'mqtt');
    const devices = await makeFleetDevices(server, count, (nth) => (nth % 5 === 0 ? 'robot' : 'sensor'), wireOf);
    say(`${count} devices made`);
    const latest = follow(fleet);
    const job: FleetJob = {
      ...(await whereDevicesGo(server)),
      devices,
      messagesPerSecond: 1 / options.everySeconds,
      connectsPerSecond: 500,
      ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
    };
    fleet.send(job);
    const empty = await latest.until(() => true);
    const full = await latest.until(({ connected }) => connected === count);
    say(`all connected, ${full.acked} messages acknowledged`);
    await wait(settleMs);

    let slowestMs = 0;
    let readyMs = 0;
    const timesMs: number[] = [];
    let apiFailed = 0;
    for (let round = 1; round <= options.rounds && !signal.aborted; round++) {
      await server.kill9();
      await latest.until(({ connected }) => connected === 0);
      server = await start();
      const readyAt = Date.now();
      const prober = startProber(server, PROBES_PER_SECOND);
      const back = await latest.until(({ connected }) => connected === count);
      const probed = await prober.end();
      const tookMs = back.at - readyAt;
      slowestMs = Math.max(slowestMs, tookMs);
      readyMs = Math.max(readyMs, server.readyMs);
      timesMs.push(...probed.timesMs);
      apiFailed += probed.failed;
      say(
        `round ${round}: ready after ${seconds(server.readyMs)}, all ${count} back ${seconds(tookMs)} later, API p95 ${percentile(probed.timesMs, 0.95).toFixed(0)} ms`,
      );
      await wait(settleMs);
    }
    const { acked, counters, refusals } = await latest.end();
    say(`${JSON.stringify(counters)} refusals ${JSON.stringify(refusals)}`);
    const compared = await compareStored(server, acked);
    return {
      allConnectedMs: slowestMs,
      apiP95Ms: percentile(timesMs, 0.95),
      apiFailed,
      readyMs,
      ...compared,
      fleetKbPerDevice: ((full.rssMb - empty.rssMb) * 1_024) / count,
    };
  } finally {
    if (fleet.connected) fleet.disconnect();
    fleet.kill();
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

type Standing = Extract<FleetReport, { connected: number }>;
type Summary = Exclude<FleetReport, Standing>;

function follow(fleet: ChildProcess) {
  const summary = Promise.withResolvers<Summary>();
  summary.promise.catch(() => undefined);
  let last: Standing | null = null;
  let look: ((standing: Standing) => void) | null = null;
  fleet.on('message', (report: FleetReport) => {
    if ('numbers' in report) return summary.resolve(report);
    last = report;
    look?.(report);
  });
  fleet.once('exit', (code) => summary.reject(bug(`the fleet ended with ${code}`)));

  return {
    /** The first report from now on for which it is so; a bug after two minutes without one. */
    until(isSo: (standing: Standing) => boolean): Promise<Standing> {
      const { promise, resolve, reject } = Promise.withResolvers<Standing>();
      const timer = setTimeout(() => reject(bug(`the fleet stands at ${JSON.stringify(last)}`)), LIMIT_MS);
      look = (standing) => isSo(standing) && resolve(standing);
      summary.promise.catch(reject);
      return promise.finally(() => {
        clearTimeout(timer);
        look = null;
      });
    },
    async end(): Promise<Summary & { readonly acked: AckedNumbers }> {
      fleet.send('end');
      const told = await Promise.race([summary.promise, wait(LIMIT_MS).then(() => null)]);
      if (told === null) throw bug('the fleet does not end');
      await once(fleet, 'exit', { signal: AbortSignal.timeout(LIMIT_MS) }).catch(() => fleet.kill());
      return { ...told, acked: numbersOf(told.numbers) };
    },
  };
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
