import type { ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type DeviceBatchCreated, LIVE_PATH } from '@muster/contract';
import { startChild, told } from './children/child.ts';
import { defineBench } from './define.ts';
import type { BareJob } from './live/bare.ts';
import type { PublishJob, PublishReport } from './live/publish.ts';
import type { ViewJob, ViewReport } from './live/view.ts';
import { type ServerProcess, STUB_MAIN, startServerProcess } from './server-process.ts';

/** Not counted: connections are warm and the database has its partitions. */
const WARM_SECONDS = 3;
/** Devices whose long texts one viewer does not read. */
const HEAVY = 2;

export const bench = defineBench({
  name: 'live',
  summary: 'Viewers of the live feed, each watching a device that measures over MQTT QoS 1; one of them does not read',
  options: {
    viewers: { default: 1_000, summary: 'connections that watch one device each' },
    devices: { default: 10, summary: 'devices that measure' },
    rate: { default: 10, summary: 'messages of one device a second' },
    seconds: { default: 30, summary: 'counted time' },
  },
  goals: { p99Ms: { atMost: 200 }, missed: { atMost: 0 }, memoryGrowthMb: { atMost: 100 } },
  async run({ options, progress, signal }) {
    const server = await startServerProcess({
      main: STUB_MAIN,
      // one person stands for a thousand here
      flags: [`--live.socketsPerUser=${options.viewers + 10}`],
    });
    try {
      progress('making devices');
      const made = await makeDevices(server, options.devices + HEAVY);
      const topics = made.map(({ device }) => `device/${device.deviceId}/telemetry`);
      const job: ViewJob = {
        url: server.url.replace('http', 'ws') + LIVE_PATH,
        token: server.token,
        viewers: options.viewers,
        topics: topics.slice(0, options.devices),
        heavyTopics: topics.slice(options.devices),
        seconds: options.seconds,
      };
      progress('connecting viewers');
      let before = 0;
      let after = 0;
      let cores = 0;
      const publish: PublishJob = {
        port: server.mqttPort,
        tokens: made.slice(0, options.devices).map(({ token }) => token),
        heavyTokens: made.slice(options.devices).map(({ token }) => token),
        perSecond: options.rate,
        seconds: WARM_SECONDS + options.seconds + 1,
      };
      const ours = await watch(job, signal, async (begin) => {
        const devices = startChild(new URL('./live/publish.ts', import.meta.url), publish);
        try {
          await told(devices);
          await delay(WARM_SECONDS * 1_000, undefined, { signal });
          before = await residentMb(server.pid);
          const spent = await coresSince(server.pid);
          begin();
          progress('watching');
          await delay(options.seconds * 1_000, undefined, { signal });
          after = await residentMb(server.pid);
          cores = await spent();
          return await told<PublishReport>(devices);
        } finally {
          devices.kill();
        }
      });
      progress('the same with ws alone');
      const { view: bare, result: bareCores } = await watchBare(
        { ...job, heavyTopics: [], token: '' },
        options.rate,
        signal,
      );
      const { view, result: sent } = ours;
      return {
        figures: {
          viewers: options.viewers,
          deliveredPerSecond: perSecond(view),
          p50Ms: view.p50Ms,
          p99Ms: view.p99Ms,
          maxMs: view.maxMs,
          missed: view.missed,
          publishedAcked: sent.acked,
          serverCores: cores,
          memoryMb: after,
          memoryGrowthMb: after - before,
          slowGotFrames: view.slow?.changes ?? Number.NaN,
          slowMergedFrames: view.slow?.merged ?? Number.NaN,
          slowMissed: view.slow?.missed ?? Number.NaN,
          slowClosedWith: view.slow?.closedWith ?? Number.NaN,
        },
        beside: {
          deliveredPerSecond: perSecond(bare),
          p50Ms: bare.p50Ms,
          p99Ms: bare.p99Ms,
          maxMs: bare.maxMs,
          serverCores: bareCores,
        },
      };
    } finally {
      await server.stop();
    }
  },
});

async function makeDevices(server: ServerProcess, count: number): Promise<DeviceBatchCreated['devices']> {
  const devices = Array.from({ length: count }, (_, nth) => ({ name: `watched ${nth}` }));
  return (await server.call<DeviceBatchCreated>('POST', '/api/devices/batch', { devices })).devices;
}

/** Connects the viewers, lets `work` run, and gives what they saw from the time that it called `begin`. */
async function watch<T>(
  job: ViewJob,
  signal: AbortSignal,
  work: (begin: () => void) => Promise<T>,
): Promise<{ readonly view: ViewReport; readonly result: T }> {
  const viewers = startChild(new URL('./live/view.ts', import.meta.url), job);
  const stop = (): void => void viewers.kill();
  signal.addEventListener('abort', stop);
  try {
    await told(viewers);
    const seen = Promise.withResolvers<ViewReport>();
    seen.promise.catch(() => undefined);
    const result = await work(() => {
      viewers.send({ begin: true });
      told<ViewReport>(viewers).then(seen.resolve, seen.reject);
    });
    return { view: await seen.promise, result };
  } finally {
    signal.removeEventListener('abort', stop);
    viewers.kill();
  }
}

async function watchBare(job: ViewJob, rate: number, signal: AbortSignal) {
  const bareJob: BareJob = { topics: job.topics, perSecond: rate };
  const bare: ChildProcess = startChild(new URL('./live/bare.ts', import.meta.url), bareJob);
  try {
    const { port } = await told<{ port: number }>(bare);
    return await watch({ ...job, url: `ws://127.0.0.1:${port}` }, signal, async (begin) => {
      await delay(WARM_SECONDS * 1_000, undefined, { signal });
      const spent = await coresSince(bare.pid ?? 0);
      begin();
      await delay(job.seconds * 1_000, undefined, { signal });
      return spent();
    });
  } finally {
    bare.kill();
  }
}

function perSecond({ delivered, tookMs }: ViewReport): number {
  return delivered / (tookMs / 1_000);
}

/** Of the server's own process, without its database. */
async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 102.4) / 10;
}

/** Gives the share of a core that a process took since then: unlike times, others on the machine do not change it much. */
async function coresSince(pid: number): Promise<() => Promise<number>> {
  const begun = performance.now();
  const before = await processorMs(pid);
  return async () => ((await processorMs(pid)) - before) / (performance.now() - begun);
}

/** Linux counts in hundredths of a second. */
async function processorMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
