import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DeviceCreated } from '@muster/contract';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { type Acked, openAckedLog } from './acked-log.ts';
import { defineFault } from './define.ts';
import { type LoadDevice, load } from './ingest-load.ts';

const DEVICES = 51;
const WIRES = ['mqtt', 'http', 'socket'] as const;
/** The server is killed somewhere in this time after the load began, ms. */
const KILL_MS = { least: 700, most: 2_000 };

/**
 * F01: kill -9 of the server while devices send. What a device was told is stored must be there, once, with its value;
 * what was sent again after the restart must not be there twice.
 */
export const fault = defineFault({
  name: 'ingest-kill',
  summary: 'kill -9 of the server while 51 devices send over MQTT, HTTP and WebSocket (F01)',
  rounds: 20,
  async run({ rounds, say, signal }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'muster-fault-'));
    const log = openAckedLog(join(dataDir, '..', `acked-${process.pid}.log`));
    const start = (): Promise<ServerProcess> => startServerProcess({ dataDir, main: STUB_MAIN });
    let server = await start();
    const readyMs: number[] = [];
    try {
      const devices = await makeDevices(server);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const before = log.all().length;
        const breaking = new AbortController();
        const loading = load(devices, server, log, breaking.signal);
        await wait(KILL_MS.least + Math.random() * (KILL_MS.most - KILL_MS.least));
        await server.kill9();
        breaking.abort();
        await loading;
        server = await start();
        readyMs.push(server.readyMs);
        say(
          `round ${round}: ${log.all().length - before} acknowledged before the kill, ready again after ${(server.readyMs / 1_000).toFixed(1)} s`,
        );
      }
      // what was under way when the server died goes out once more, with its old numbers
      const last = new AbortController();
      setTimeout(() => last.abort(), 2_000);
      await load(devices, server, log, last.signal);
      const result = await compare(server, devices, log.all(), say);
      const slowest = Math.max(0, ...readyMs);
      const late = slowest > 30_000 ? `a restart took ${(slowest / 1_000).toFixed(1)} s` : null;
      return { ...result, short: result.short ?? late };
    } finally {
      await server.stop();
      log.close();
      await rm(dataDir, { recursive: true, force: true });
    }
  },
});

async function makeDevices(server: ServerProcess): Promise<LoadDevice[]> {
  const made = await Promise.all(
    Array.from({ length: DEVICES }, (_, nth) =>
      server.call<DeviceCreated>('POST', '/api/devices', { name: `load ${nth}` }),
    ),
  );
  return made.map(({ device, token }, nth) => ({
    deviceId: device.deviceId,
    token,
    wire: WIRES[nth % WIRES.length] ?? 'mqtt',
    seq: 1,
    unacked: new Map(),
  }));
}

/** Holds every row of the database against what was acknowledged. */
async function compare(
  server: ServerProcess,
  devices: readonly LoadDevice[],
  acked: readonly Acked[],
  say: (line: string) => void,
) {
  let lost = 0;
  let doubled = 0;
  let wrong = 0;
  let rows = 0;
  for (const { deviceId } of devices) {
    const stored = await server.query<{ series: string; seq: number; value: number }>(
      `SELECT name AS series, seq, num AS value FROM points_90 JOIN series USING (series_id) WHERE device_id = $1`,
      [deviceId],
    );
    rows += stored.length;
    const bySeq = new Map<string, { count: number; value: number }>();
    for (const { series, seq, value } of stored) {
      const key = `${series} ${seq}`;
      bySeq.set(key, { count: (bySeq.get(key)?.count ?? 0) + 1, value });
    }
    for (const { count } of bySeq.values()) if (count > 1) doubled += 1;
    for (const one of acked) {
      if (one.deviceId !== deviceId) continue;
      for (const [series, value] of [
        ['value', one.value],
        ['double', one.value * 2],
      ] as const) {
        const found = bySeq.get(`${series} ${one.seq}`);
        if (found === undefined) lost += 1;
        else if (found.value !== value) wrong += 1;
      }
    }
  }
  say(
    `${acked.length} messages acknowledged (${acked.length * 2} points), ${rows} rows stored: ${lost} lost, ${doubled} doubled, ${wrong} with another value`,
  );
  return { checked: acked.length * 2, lost, doubled, short: wrong > 0 ? `${wrong} rows have another value` : null };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
