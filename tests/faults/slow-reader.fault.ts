import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { percentile } from '../../bench/report/statistics.ts';
import type { ServerProcess } from '../../bench/server-process.ts';
import { openAckedLog } from './acked-log.ts';
import { defineFault } from './define.ts';
import { type LoadDevice, load, makeLoadDevices } from './ingest-load.ts';
import { type BreakableServer, startBreakable } from './rig/breakable-server.ts';
import { metricOf } from './rig/metrics.ts';
import { openSlowReaders } from './rig/slow-readers.ts';
import { compareStored, shortOf, tellComparison } from './rig/stored.ts';
import { until } from './rig/until.ts';

/** Devices whose acknowledgements are measured. */
const DEVICES = 12;
/** As much as this is sent to readers that read, to compare with. */
const FEEDS = 5;
const CLOSED_MS = 60_000;
/** What is held when the last slow reader is closed, beyond what was held before them, MB. */
const GROWTH_MB = 16;
/** The 99th percentile of acknowledgements of others, against that beside readers that read; not of one round alone. */
const SLOWER = { times: 1.5, ms: 200 };

/**
 * F09: devices that stop reading, over MQTT and WebSocket, and viewers of the live feed that read a byte a second, while
 * they are sent more than their buffers take. Each is closed at its bound and counted, memory stays bounded, and what
 * others wait for their acknowledgements does not grow.
 */
export const fault = defineFault({
  name: 'slow-reader',
  summary: 'devices that stop reading and viewers that read a byte a second (F09)',
  rounds: 3,
  async run({ rounds, say, signal }) {
    const path = join(tmpdir(), `acked-slow-${process.pid}.log`);
    const log = openAckedLog(path);
    const server = await startBreakable({ inspected: true });
    const wrong: string[] = [];
    let checked = 0;
    let p99Ms = 0;
    let grownMb = 0;
    try {
      const devices = await makeLoadDevices(server.now, DEVICES);
      for (let round = 1; round <= rounds && !signal.aborted; round++) {
        const before = await measure(server, devices, log, async () => {
          const quick = await openSlowReaders(server.now, `quick ${round}`, true);
          try {
            for (let fed = 0; fed < FEEDS; fed++) await quick.feed();
          } finally {
            await quick.end();
          }
        });
        const heap = await server.heapMb();
        let most = heap;
        const during = await measure(server, devices, log, async () => {
          const counted = await closings(server.now);
          const slow = await openSlowReaders(server.now, `slow ${round}`, false);
          try {
            await until('every slow reader is closed', CLOSED_MS, async () => {
              await slow.feed();
              return (await closings(server.now)) - counted >= slow.count;
            });
            most = await server.heapMb();
            checked += slow.count;
          } finally {
            await slow.end();
          }
        });
        checked += during.length;
        const [p99Before, p99During] = [percentile(before, 0.99), percentile(during, 0.99)];
        const limit = p99Before * SLOWER.times + SLOWER.ms;
        if (rounds > 1 && p99During > limit)
          wrong.push(`others waited ${Math.round(p99During)} ms (p99); ${Math.round(limit)} allowed`);
        if (most - heap > GROWTH_MB) wrong.push(`memory grew by ${Math.round(most - heap)} MB`);
        p99Ms = Math.max(p99Ms, p99During);
        grownMb = Math.max(grownMb, most - heap);
        say(
          `round ${round}: acknowledgements p99 ${Math.round(p99Before)} ms beside readers that read, ${Math.round(p99During)} ms beside slow ones; ${(most - heap).toFixed(1)} MB held at most`,
        );
      }
      const found = await compareStored(server.now, log.all());
      say(tellComparison(found));
      return {
        checked: checked + found.checked,
        lost: found.lost,
        doubled: found.doubled,
        short: shortOf(...wrong),
        figures: { ackP99Ms: Math.round(p99Ms), heldMb: Math.round(grownMb * 10) / 10 },
      };
    } finally {
      await server.end();
      log.close();
      await rm(path, { force: true });
    }
  },
});

/** How long acknowledgements took while something was done, ms. */
async function measure(
  server: BreakableServer,
  devices: readonly LoadDevice[],
  log: ReturnType<typeof openAckedLog>,
  meanwhile: () => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  const ending = new AbortController();
  const onAcked = (_device: LoadDevice, ms: number): void => void times.push(ms);
  const loading = load(devices, server.now, log, ending.signal, { onAcked, inFlight: 2, pauseMs: 20 });
  try {
    await meanwhile();
  } finally {
    ending.abort();
    await loading;
  }
  return times;
}

/** Connections that the server closed because their readers were too slow. */
async function closings(server: ServerProcess): Promise<number> {
  const all = await Promise.all([
    metricOf(server, 'muster_mqtt_closed_total', 'DEVICE_SLOW'),
    metricOf(server, 'muster_device_sockets_closed_total', 'DEVICE_SLOW'),
    metricOf(server, 'muster_live_closed_total', 'VIEWER_SLOW'),
  ]);
  return all.reduce((sum, count) => sum + count, 0);
}
