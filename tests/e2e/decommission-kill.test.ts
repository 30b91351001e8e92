import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Decommission, DeviceCreated } from '@muster/contract';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';

const POINTS = 200_000;
const dataDir = await mkdtemp(join(tmpdir(), 'muster-erase-'));
let server: ServerProcess | undefined;
after(async () => {
  await server?.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});
const start = async (): Promise<ServerProcess> => {
  server = await startServerProcess({ main: STUB_MAIN, dataDir, onLog: () => undefined });
  return server;
};

test(`${POINTS} measurements are erased in batches, and a server that was killed goes on where it was`, async () => {
  let muster = await start();
  const [gone, stays] = [
    await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'gone' }),
    await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'stays' }),
  ];
  for (const { token } of [gone, stays]) {
    const headers = { authorization: `Bearer ${token}` };
    const reply = await fetch(`${muster.url}/device/v1/telemetry`, {
      method: 'POST',
      headers,
      body: '{"values":{"a":1}}',
    });
    assert.equal(reply.status, 204);
  }
  const { deviceId } = gone.device;
  const now = Date.now();
  await muster.query(
    `INSERT INTO points_90 (series_id, at, seq, received_at, num)
     SELECT series_id, $2::bigint - nth, 7, $2, 1 FROM series, generate_series(1, $3::int) AS nth WHERE device_id = $1`,
    // all of this day: the partition that is there
    [deviceId, now, Math.min(POINTS, (now % 86_400_000) - 1)],
  );
  const shown = async (): Promise<Decommission> => {
    await new Promise((resolve) => setTimeout(resolve, 40));
    return muster.call('GET', `/api/devices/${deviceId}/decommission`);
  };
  await muster.call('POST', `/api/devices/${deviceId}/decommission`, {});
  let seen = await shown();
  while (!(seen.state === 'erasing' && seen.erasedRows > 0)) seen = await shown();
  await muster.kill9();
  assert.ok(seen.erasedRows < POINTS, `${seen.erasedRows} rows were gone when it was killed`);
  console.log(`killed after ${seen.erasedRows} rows`);
  muster = await start();
  const begun = performance.now();
  while ((await shown()).state !== 'done') assert.ok(performance.now() - begun < 60_000);
  const done = await shown();
  console.log(`${done.erasedRows} rows, the rest in ${Math.round(performance.now() - begun)} ms`);
  const [left] = await muster.query<{ points: number; series: number }>(
    'SELECT (SELECT count(*) FROM points_90) AS points, (SELECT count(*) FROM series) AS series',
  );
  assert.deepEqual(left, { points: 1, series: 1 }, 'only what the other device sent is left');
});
