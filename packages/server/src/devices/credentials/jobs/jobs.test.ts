import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandMessage, DeviceCreated, Group, RotationJob, RotationJobDeviceList } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { startTestServer, type TestServer } from '../../../testing.ts';

let muster: TestServer;
let dataDir: string;
before(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'muster-jobs-'));
  muster = await startTestServer({ dataDir });
});
after(async () => {
  await muster.stop();
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 });
});

const begin = (body: object): Promise<RotationJob> => muster.call('POST', '/api/rotation-jobs', body);
const shown = (jobId: string): Promise<RotationJob> => muster.call('GET', `/api/rotation-jobs/${jobId}`);

async function becomes(jobId: string, holds: (job: RotationJob) => boolean): Promise<RotationJob> {
  const until = performance.now() + 20_000;
  for (;;) {
    const job = await shown(jobId);
    if (holds(job)) return job;
    assert.ok(performance.now() < until, JSON.stringify(job));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

interface Simulated {
  readonly deviceId: string;
  /** What it signs in with now. */
  token: string;
  /** The new one that it was told and has not used; null: none. */
  told: string | null;
  client: LightMqtt | null;
  /** Says no to a new token. */
  refuses: boolean;
}

async function devices(count: number, tag: string): Promise<Simulated[]> {
  const made: Simulated[] = [];
  for (let nth = 0; nth < count; nth++) {
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', {
      siteId: muster.siteId,
      name: `${tag} ${nth}`,
      tags: [tag],
    });
    made.push({ deviceId: device.deviceId, token, told: null, client: null, refuses: false });
  }
  return made;
}

async function connect(one: Simulated): Promise<void> {
  const client = await connectLightMqtt({
    host: '127.0.0.1',
    port: muster.server.mqtt.port ?? 0,
    username: 'me',
    password: one.token,
    onMessage(_topic, payload) {
      const { name, args, commandId } = JSON.parse(String(payload)) as CommandMessage;
      if (name !== 'replaceToken') return;
      if (!one.refuses) one.told = String(args.token);
      const state = one.refuses ? 'rejected' : 'confirmed';
      client.publish('devices/me/commands/reply', JSON.stringify({ commandId, state }), 1).catch(() => undefined);
    },
  });
  one.client = client;
  await client.subscribe(['devices/me/commands'], 1);
}

/** Those that were told come back with what they were told. */
async function renew(fleet: readonly Simulated[]): Promise<number> {
  const told = fleet.filter((one) => one.told !== null);
  for (const one of told) {
    one.client?.drop();
    one.token = one.told ?? one.token;
    one.told = null;
    await connect(one);
  }
  return told.length;
}

test('a job keeps its pace, passes over who is away, goes on in another server, and counts who refused', async () => {
  const fleet = await devices(7, 'paced');
  const [refusing, away, ...rest] = fleet;
  assert.ok(refusing !== undefined && away !== undefined);
  refusing.refuses = true;
  for (const one of [refusing, ...rest]) await connect(one);
  const group = await muster.call<Group>('POST', '/api/groups', {
    siteId: muster.siteId,
    name: 'paced',
    deviceIds: fleet.map(({ deviceId }) => deviceId),
  });
  const { jobId } = await begin({ groupId: group.groupId, atOnce: 2 });
  // two are told, and no more until they used it; the one that refuses makes room at once
  await becomes(jobId, ({ counts }) => counts.told === 2 && counts.failed === 1);
  for (let looks = 0; looks < 5; looks++) {
    const { counts } = await shown(jobId);
    assert.ok(counts.told + counts.begun <= 2, JSON.stringify(counts));
  }
  assert.equal((await shown(jobId)).counts.notReachable, 1);
  // the server goes, and another goes on with what is stored
  await muster.stop();
  muster = await startTestServer({ dataDir });
  for (const one of rest) {
    one.token = one.told ?? one.token;
    one.told = null;
    await connect(one);
  }
  for (let round = 0; round < 20; round++) {
    await renew(rest);
    if ((await shown(jobId)).counts.confirmed === rest.length) break;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  const almost = await shown(jobId);
  assert.deepEqual([almost.state, almost.counts.confirmed, almost.counts.notReachable], ['running', 5, 1]);
  // who was away has its turn when it comes
  await connect(away);
  await becomes(jobId, ({ counts }) => counts.told === 1);
  await renew([away]);
  const done = await becomes(jobId, ({ state }) => state === 'done');
  assert.deepEqual([done.devices, done.counts.confirmed, done.counts.failed, done.counts.notReachable], [7, 6, 1, 0]);
  const { devices: places } = await muster.call<RotationJobDeviceList>('GET', `/api/rotation-jobs/${jobId}/devices`);
  const failed = places.find(({ place }) => place === 'failed');
  assert.equal(failed?.deviceId, refusing.deviceId);
  assert.match(failed?.fault ?? '', /DEVICE_ERROR/);
  for (const one of fleet) one.client?.drop();
});

test('a job that is cancelled begins no more; who is away too long keeps the token it has', async () => {
  const fleet = await devices(2, 'away');
  const { jobId } = await begin({ siteId: muster.siteId, tag: 'away' });
  await becomes(jobId, ({ counts }) => counts.notReachable === 2);
  await muster.sql('UPDATE rotation_jobs SET gives_up_at = 0 WHERE job_id = $1', [jobId]);
  const done = await becomes(jobId, ({ state }) => state === 'done');
  assert.equal(done.counts.notReachable, 2);
  for (const { token } of fleet) {
    const headers = { authorization: `Bearer ${token}` };
    assert.equal((await fetch(`${muster.url}/device/v1/time`, { headers })).status, 200);
  }
  const other = await devices(1, 'stopped');
  const second = await begin({ siteId: muster.siteId, tag: 'stopped' });
  const cancelled = await muster.call<RotationJob>('POST', `/api/rotation-jobs/${second.jobId}/cancel`);
  assert.equal(cancelled.state, 'cancelled');
  await assert.rejects(muster.call('POST', `/api/rotation-jobs/${second.jobId}/cancel`), { code: 'CONFLICT' });
  const [one] = other;
  assert.ok(one !== undefined);
  await connect(one);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(one.told, null);
  one.client?.drop();
});
