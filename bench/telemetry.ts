import type { DeviceCreated } from '@muster/contract';
import { startChild, told } from './children/child.ts';
import { defineBench } from './define.ts';
import { type ServerProcess, STUB_MAIN, startServerProcess } from './server-process.ts';
import type { LoadJob, LoadReport } from './telemetry/load.ts';
import type { RawJob } from './telemetry/raw-insert.ts';
import { SERIES, valueSql } from './telemetry/values.ts';

const WARM_SECONDS = 3;
/** Devices that are made at a time. */
const TOGETHER = 20;

export const bench = defineBench({
  name: 'telemetry',
  summary: 'Measurements over MQTT QoS 1, 3 points a message, acknowledged when committed, with alert rules on',
  options: {
    seconds: { default: 300, summary: 'counted time' },
    devices: { default: 200, summary: 'devices that send' },
    window: { default: 8, summary: 'messages of one device on their way' },
    raw: { default: 10, summary: 'seconds of plain inserts into the same database, afterwards' },
  },
  goals: { pointsPerSecond: { atLeast: 35_000 }, ackP99Ms: { atMost: 250 }, lostRows: { atMost: 0 } },
  async run({ options, progress, signal }) {
    // what a user gets but for the speech models, which are not asked for here
    const server = await startServerProcess({ main: STUB_MAIN });
    try {
      await makeRules(server);
      progress('making devices');
      const made = await makeDevices(server, options.devices);
      progress('sending');
      const load = await send(server, made, options, signal);
      progress('counting rows');
      const lostRows = await countLost(server, made, load);
      progress('inserting rows past the server');
      const rawInsertPointsPerSecond = await rawInsert(server, options);
      const pointsPerSecond = (load.acked * SERIES.length) / (load.tookMs / 1_000);
      return {
        figures: {
          pointsPerSecond,
          ackP99Ms: load.ackP99Ms,
          ackP50Ms: load.ackP50Ms,
          lostRows,
          pointsAcked: load.acked * SERIES.length,
        },
        beside: { pointsPerSecond: rawInsertPointsPerSecond, rawInsertPointsPerSecond },
      };
    } finally {
      await server.stop();
    }
  },
});

/** Those of the server and of a new site are on already; these look at every point of two series. */
async function makeRules(server: ServerProcess): Promise<void> {
  const { sites } = await server.call<{ sites: { siteId: string }[] }>('GET', '/api/sites');
  const siteId = sites[0]?.siteId;
  for (const [series, limit] of [
    ['temperature', 1_000],
    ['humidity', 1_000],
    ['pressure', 1_000],
  ] as const) {
    const params = { series, side: 'above', limit, hysteresis: 1 };
    await server.call('POST', '/api/alert-rules', { siteId, name: `${series} too high`, kind: 'threshold', params });
  }
}

async function makeDevices(server: ServerProcess, count: number): Promise<DeviceCreated[]> {
  const made: DeviceCreated[] = [];
  for (let from = 0; from < count; from += TOGETHER) {
    const names = Array.from({ length: Math.min(TOGETHER, count - from) }, (_, nth) => `load ${from + nth}`);
    made.push(
      ...(await Promise.all(names.map((name) => server.call<DeviceCreated>('POST', '/api/devices', { name })))),
    );
  }
  return made;
}

async function send(
  server: ServerProcess,
  made: readonly DeviceCreated[],
  { window, seconds }: { readonly window: number; readonly seconds: number },
  signal: AbortSignal,
): Promise<LoadReport> {
  const tokens = made.map(({ token }) => token);
  const job: LoadJob = { port: server.mqttPort, tokens, window, warmSeconds: WARM_SECONDS, seconds };
  const child = startChild(new URL('./telemetry/load.ts', import.meta.url), job);
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop);
  try {
    await told(child);
    return await told<LoadReport>(child);
  } finally {
    signal.removeEventListener('abort', stop);
    child.kill();
  }
}

/** Holds every acknowledged row against the database: it must be there, with the value that was sent. */
async function countLost(server: ServerProcess, made: readonly DeviceCreated[], load: LoadReport): Promise<number> {
  const unacked = load.devices.flatMap(({ unacked: open }, nth) =>
    open.map((seq) => ({ device: made[nth]?.device.deviceId, seq })),
  );
  const index = `CASE name ${SERIES.map((name, nth) => `WHEN '${name}' THEN ${nth}`).join(' ')} END`;
  const rows = await server.query<{ device_id: string; stored: number }>(
    `SELECT device_id, sum(stored)::bigint AS stored FROM series JOIN (
       SELECT series_id, count(*) AS stored FROM points_90 JOIN series USING (series_id)
       WHERE num = ${valueSql(`(${index})`)}
         AND (device_id, seq) NOT IN (SELECT * FROM unnest($1::uuid[], $2::bigint[])) GROUP BY series_id
     ) AS counted USING (series_id) GROUP BY device_id`,
    [unacked.map(({ device }) => device), unacked.map(({ seq }) => seq)],
  );
  const stored = new Map(rows.map((row) => [row.device_id, row.stored]));
  let lost = 0;
  for (const [nth, { last, unacked: open }] of load.devices.entries()) {
    const expected = (last - open.length) * SERIES.length;
    lost += expected - (stored.get(made[nth]?.device.deviceId ?? '') ?? 0);
  }
  return lost;
}

async function rawInsert(
  server: ServerProcess,
  options: { readonly devices: number; readonly raw: number },
): Promise<number> {
  const job: RawJob = {
    url: await server.databaseUrl(),
    series: options.devices * SERIES.length,
    batch: 5_000,
    connections: 2,
    seconds: options.raw,
  };
  const child = startChild(new URL('./telemetry/raw-insert.ts', import.meta.url), job);
  try {
    return (await told<{ rowsPerSecond: number }>(child)).rowsPerSecond;
  } finally {
    child.kill();
  }
}
