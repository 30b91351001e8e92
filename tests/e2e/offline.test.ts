import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { AlertList, Device, DeviceCreated } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectLightMqtt } from '@muster/testkit';

/** Whom the alert `offline` is about, over every wire of the real server: who lost a connection, and not who hung up. */
let muster: TestServer;
const FOR_MS = 1_000;

before(async () => {
  muster = await startTestServer({
    flags: ['--alerts.startGraceMs=0', '--alerts.tickMs=100'],
  });
  const { siteId } = muster;
  await muster.call('POST', '/api/alert-rules', {
    siteId,
    name: 'soon',
    kind: 'offline',
    params: { forMs: FOR_MS },
  });
});
after(() => muster.stop());

const shown = (deviceId: string): Promise<Device> => muster.call('GET', `/api/devices/${deviceId}`);
async function alertOf(deviceId: string): Promise<string | null> {
  const { alerts } = await muster.call<AlertList>('GET', `/api/alerts?deviceId=${deviceId}`);
  return alerts.find(({ ruleKind }) => ruleKind === 'offline')?.state ?? null;
}
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let left = 400; left > 0; left--) {
    if (await holds()) return;
    await delay(25);
  }
  assert.fail(`not within 10 s: ${what}`);
}
const is = (deviceId: string, connected: boolean) =>
  until(`connected is ${connected}`, async () => (await shown(deviceId)).connected === connected);

test('who hung up is not offline; who lost its connection is, until it is heard', async () => {
  const board = await muster.connect();
  try {
    await is(board.id, true);
  } finally {
    board.powerOff();
  }
  await is(board.id, false);

  const poller = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'polls' });
  const headers = { authorization: `Bearer ${poller.token}` };
  assert.equal((await fetch(`${muster.url}/device/v1/commands?waitMs=50`, { headers })).status, 204);
  await is(poller.device.deviceId, false);

  // the last to go: when its time is up, that of the others was
  const keeper = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'keeps' });
  const { deviceId } = keeper.device;
  const login = { username: 'x', password: keeper.token };
  const port = muster.server.mqtt.port ?? assert.fail('MQTT is off');
  const client = await connectLightMqtt({ host: '127.0.0.1', port, ...login });
  try {
    await is(deviceId, true);
  } finally {
    client.drop();
  }
  await is(deviceId, false);
  await until('it is offline', async () => (await alertOf(deviceId)) === 'open');
  assert.deepEqual([await alertOf(board.id), await alertOf(poller.device.deviceId)], [null, null]);

  // it goes on over HTTP: it lives
  const said = await fetch(`${muster.url}/device/v1/telemetry`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keeper.token}` },
    body: '{"values":{"on":true}}',
  });
  assert.equal(said.status, 204);
  await until('it is not', async () => (await alertOf(deviceId)) === 'closed');
  assert.equal((await shown(deviceId)).connected, false);
});
