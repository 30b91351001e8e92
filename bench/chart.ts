import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bucket, bug, type DeviceCreated, type TelemetryReply } from '@muster/contract';
import { cpuMs } from './chart/cpu.ts';
import { DAY_MS, fill } from './chart/fill.ts';
import { defineBench } from './define.ts';
import { percentile } from './report/statistics.ts';
import { type ServerProcess, STUB_MAIN, startServerProcess } from './server-process.ts';

const SERIES_A_DEVICE = 10;
const POINTS = 1_000;
/** Charts that are held against the raw points, before the others are timed. */
const COMPARED = 5;

export const bench = defineBench({
  name: 'chart',
  summary:
    'A chart of one series over 90 days of a point a minute, rolled up by the server; beside: a read of the device. chartCpuMs has the work of both, and what the server does besides',
  options: {
    series: { default: 1_000, summary: 'series with 90 days of hours and days, the tables that a long chart reads' },
    whole: {
      default: 50,
      summary: 'those of them that have all their points and minutes too: 1.7 GB; 1000 take 33 GB and an hour to make',
    },
    days: { default: 90, summary: 'span of the data and of the chart' },
    charts: { default: 200, summary: 'charts that are asked for, of series by turns' },
  },
  goals: { chartP95Ms: { atMost: 100 }, wrongBuckets: { atMost: 0 } },
  async run({ options, progress, signal }) {
    const dataDir = await mkdtemp(join(tmpdir(), 'muster-bench-chart-'));
    const to = Date.now() - (Date.now() % 60_000);
    const span = { from: to - options.days * DAY_MS + 3_600_000, to };
    try {
      const devices = await makeSeries(dataDir, options.series, span);
      const points = await fill(dataDir, span, Math.min(options.whole, options.series), { progress, signal });
      const server = await startServerProcess({ dataDir, main: STUB_MAIN });
      try {
        const times: number[] = [];
        const reads: number[] = [];
        let wrongBuckets = 0;
        for (let nth = 0; nth < COMPARED; nth++) {
          wrongBuckets += await compare(
            server,
            devices[nth % devices.length] ?? '',
            await chart(server, devices, nth, span),
          );
        }
        const cpuBefore = await cpuMs(server.pid);
        for (let nth = 0; nth < options.charts && !signal.aborted; nth++) {
          progress('charts', nth, options.charts);
          const begun = performance.now();
          await chart(server, devices, nth, span);
          times.push(performance.now() - begun);
          // the same way to the server and back, with next to nothing to do there: what the machine adds
          const read = performance.now();
          await server.call('GET', `/api/devices/${devices[nth % devices.length]}`);
          reads.push(performance.now() - read);
        }
        const chartCpuMs = ((await cpuMs(server.pid)) - cpuBefore) / times.length;
        const [{ size = 0 } = {}] = await server.query<{ size: number }>(
          'SELECT pg_database_size(current_database()) AS size',
        );
        return {
          figures: {
            chartP95Ms: percentile(times, 0.95),
            chartP50Ms: percentile(times, 0.5),
            chartCpuMs,
            wrongBuckets,
            points,
            databaseMb: Math.round(size / 1_048_576),
          },
          beside: { chartP95Ms: percentile(reads, 0.95), chartP50Ms: percentile(reads, 0.5) },
        };
      } finally {
        await server.stop();
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  },
});

/** One series, by turns, over the whole span. */
function chart(
  server: ServerProcess,
  devices: readonly string[],
  nth: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<TelemetryReply> {
  const path = `/api/devices/${devices[nth % devices.length]}/telemetry`;
  return server.call('GET', `${path}?series=s${(nth * 7) % SERIES_A_DEVICE}&from=${from}&to=${to}&points=${POINTS}`);
}

/** Devices and their series by the API, and a point on each day, so that the server makes its tables. */
async function makeSeries(
  dataDir: string,
  count: number,
  { from, to }: { from: number; to: number },
): Promise<string[]> {
  const server = await startServerProcess({ dataDir, main: STUB_MAIN });
  try {
    const devices: string[] = [];
    for (let made = 0; made < count; made += SERIES_A_DEVICE) {
      const { device, token } = await server.call<DeviceCreated>('POST', '/api/devices', { name: `chart ${made}` });
      const names = Array.from({ length: Math.min(SERIES_A_DEVICE, count - made) }, (_, nth) => [`s${nth}`, 0]);
      const values = Object.fromEntries(names);
      const days = made === 0 ? Math.ceil((to - from) / DAY_MS) : 1;
      const points = Array.from({ length: days }, (_, day) => ({ at: from + day * DAY_MS + 1, values }));
      const reply = await fetch(`${server.url}/device/v1/telemetry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ points }),
      });
      if (!reply.ok) throw bug(`the points of a device were refused: ${await reply.text()}`);
      devices.push(device.deviceId);
    }
    return devices;
  } finally {
    await server.stop();
  }
}

/** Buckets of a chart that are not what the raw points come to. */
async function compare(server: ServerProcess, deviceId: string, { from, to, data }: TelemetryReply): Promise<number> {
  const [chart] = data;
  if (chart?.buckets == null || chart.bucketMs === null) throw bug('the chart has no buckets');
  const rows = await server.query<Bucket & { sum: number }>(
    `SELECT at - at % $2 AS at, min(num), max(num), sum(num), count(*) AS count FROM points_90 JOIN series USING (series_id)
     WHERE device_id = $1 AND name = $3 AND at >= $4 AND at < $5 GROUP BY 1`,
    [deviceId, chart.bucketMs, chart.series, from - (from % chart.bucketMs), to],
  );
  const raw = new Map(rows.map((row) => [row.at, row]));
  const near = (a: number | null, b: number): boolean => a !== null && Math.abs(a - b) < 1e-6;
  return chart.buckets.filter(({ at, min, max, avg, count }) => {
    const row = raw.get(at);
    if (row === undefined) return count !== 0;
    return count !== row.count || min !== row.min || max !== row.max || !near(avg, row.sum / row.count);
  }).length;
}
