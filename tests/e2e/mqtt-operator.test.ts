import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ApiKeyCreated, DeviceCreated } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectAsync, type MqttClient } from 'mqtt';

/** Who may connect to the real server's broker, as whom, and what they reach. */
let muster: TestServer;
const open: MqttClient[] = [];

before(async () => {
  muster = await startTestServer();
});
after(async () => {
  for (const client of open) await client.endAsync(true);
  await muster.stop();
});

async function connect(username: string, password: string, clientId = ''): Promise<MqttClient> {
  const client = await connectAsync(`mqtt://127.0.0.1:${muster.server.mqtt.port}`, {
    protocolVersion: 5,
    username,
    password,
    clientId,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
  });
  open.push(client);
  return client;
}

/** The next message of a client, as topic and text. */
function next(client: MqttClient): Promise<[string, string]> {
  const { promise, resolve, reject } = Promise.withResolvers<[string, string]>();
  const timer = setTimeout(reject, 10_000, new assert.AssertionError({ message: 'no message came' }));
  client.once('message', (topic, payload) => {
    clearTimeout(timer);
    resolve([topic, payload.toString()]);
  });
  return promise;
}

test("an operator's key reaches the topics of its scope, and ends with the key", async () => {
  const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'watched' });
  const { deviceId } = device;
  const { key, secret } = await muster.call<ApiKeyCreated>('POST', '/api/api-keys', {
    siteId: muster.siteId,
    name: 'watcher',
    mayPublish: ['devices/+/app/#'],
    maySubscribe: ['devices/+/telemetry', `devices/${deviceId}/app/#`],
  });
  const operator = await connect('key', secret);
  const own = await connect('device', token);
  await operator.subscribeAsync('devices/+/telemetry', { qos: 1 });
  await assert.rejects(operator.subscribeAsync('devices/#', { qos: 1 }));
  const coming = next(operator);
  const message = JSON.stringify({ values: { temperature: 20 } });
  await own.publishAsync('devices/me/telemetry', message, { qos: 1 });
  assert.deepEqual(await coming, [`devices/${deviceId}/telemetry`, message]);

  await own.subscribeAsync('devices/me/app/#', { qos: 1 });
  const down = next(own);
  await operator.publishAsync(`devices/${deviceId}/app/hello`, 'hi', { qos: 1 });
  assert.deepEqual(await down, ['devices/me/app/hello', 'hi']);
  await assert.rejects(operator.publishAsync(`devices/${deviceId}/telemetry`, message, { qos: 1 }), { code: 0x87 });

  const closed = new Promise<void>((resolve) => operator.once('close', () => resolve()));
  await muster.call('DELETE', `/api/api-keys/${key.keyId}`);
  await closed;
  await assert.rejects(connect('key', secret), { code: 0x86 });
});

test('a client id that names a device is of its token', async () => {
  const one = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'one' });
  const other = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'other' });
  await connect('device', one.token, one.device.deviceId);
  await assert.rejects(connect('device', one.token, other.device.deviceId), { code: 0x85 });
  await assert.rejects(connect('device', 'no token'), { code: 0x86 });
});
