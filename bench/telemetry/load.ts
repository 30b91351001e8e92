import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { percentile } from '../report/statistics.ts';
import { measured, SERIES } from './values.ts';

/**
 * Simulated devices over MQTT QoS 1, a process of its own, forked: each keeps `window` messages on their way, counts
 * them, and sends as fast as they are acknowledged. Tells its parent what was acknowledged, and how fast.
 */
export interface LoadJob {
  readonly port: number;
  readonly tokens: readonly string[];
  readonly window: number;
  readonly warmSeconds: number;
  readonly seconds: number;
}

export interface LoadReport {
  /** Messages acknowledged in the counted time, and that time. */
  readonly acked: number;
  readonly tookMs: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  /** Of each device: its last number, and those below it that were not acknowledged. */
  readonly devices: readonly { readonly last: number; readonly unacked: readonly number[] }[];
}

/** Connections that are begun together. */
const TOGETHER = 50;
/** Longest wait for the last acknowledgements, ms. */
const DRAIN_MS = 20_000;
/** One acknowledgement of so many is timed. */
const TIMED = 4;

const job = JSON.parse(process.argv[2] ?? '{}') as LoadJob;
const times: number[] = [];
const devices = job.tokens.map(() => ({ last: 0, open: new Set<number>() }));
const clients: LightMqtt[] = [];
let acked = 0;
let stopping = false;
let counting = false;

for (let from = 0; from < job.tokens.length; from += TOGETHER) {
  const some = job.tokens.slice(from, from + TOGETHER);
  clients.push(
    ...(await Promise.all(
      some.map((password) => connectLightMqtt({ host: '127.0.0.1', port: job.port, username: 'x', password })),
    )),
  );
}
process.send?.({ connected: clients.length });
for (const [nth, client] of clients.entries()) for (let lane = 0; lane < job.window; lane++) send(nth, client);
await wait(job.warmSeconds * 1_000);
counting = true;
const before = acked;
const begun = performance.now();
await wait(job.seconds * 1_000);
const counted = acked - before;
const tookMs = performance.now() - begun;
counting = false;
stopping = true;
for (const until = performance.now() + DRAIN_MS; performance.now() < until; ) {
  if (devices.every(({ open }) => open.size === 0)) break;
  await wait(20);
}
const report: LoadReport = {
  acked: counted,
  tookMs,
  ackP50Ms: percentile(times, 0.5),
  ackP99Ms: percentile(times, 0.99),
  devices: devices.map(({ last, open }) => ({ last, unacked: [...open] })),
};
process.send?.(report, () => {
  for (const client of clients) client.drop();
  process.disconnect();
});

/** The next message of a device; the one after it follows its acknowledgement. */
function send(nth: number, client: LightMqtt): void {
  const device = devices[nth];
  if (device === undefined) return;
  device.last += 1;
  const seq = device.last;
  device.open.add(seq);
  const values = SERIES.map((name, index) => `"${name}":${measured(seq, index)}`).join(',');
  const sentAt = performance.now();
  client.publish('devices/me/telemetry', `{"seq":${seq},"at":${Date.now()},"values":{${values}}}`, 1).then(
    () => {
      device.open.delete(seq);
      acked += 1;
      if (counting && acked % TIMED === 0) times.push(performance.now() - sentAt);
      if (!stopping) send(nth, client);
    },
    // not acknowledged: it stays among the open ones
    () => undefined,
  );
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
