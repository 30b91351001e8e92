import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { bug, type Command, DEVICE_TOPICS, type DeviceCreated, TwinState } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectAsync } from 'mqtt';
import { Value } from 'typebox/value';
import { WebSocket } from 'ws';
import { DEVICE_MESSAGES } from '../tools/docs/device-api/messages.ts';

/** docs/reference/device-api.md says where each message goes: its examples are sent there, on the real server. */
let muster: TestServer;
let token: string;
let deviceId: string;

before(async () => {
  muster = await startTestServer();
  const made = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Page' });
  token = made.token;
  deviceId = made.device.deviceId;
});
after(() => muster.stop());

interface Sent {
  readonly name: string;
  readonly topic: string;
  readonly http: string;
  readonly frame: string;
  readonly example: object;
}

/**
 * An example with what is of today: times, for those of the page are of the day on which it was written, and the id of a
 * command that there is.
 */
async function current(example: object): Promise<Record<string, unknown>> {
  const told = Object.hasOwn(example, 'commandId')
    ? await muster.call<Command>('POST', `/api/devices/${deviceId}/commands`, { name: 'blink' })
    : null;
  const text = JSON.stringify(example, (key, value: unknown) => {
    if (key === 'at') return Date.now();
    return key === 'commandId' ? told?.commandId : value;
  });
  return JSON.parse(text) as Record<string, unknown>;
}

const sent: readonly Sent[] = Object.entries(DEVICE_MESSAGES).flatMap(([name, { http, frame, examples }]) => {
  const { topic, direction } = DEVICE_TOPICS[name as keyof typeof DEVICE_TOPICS];
  if (direction === 'down') return [];
  if (http === null || frame === null) throw bug(`${name} goes up and has no path or no frame`);
  return (examples.length === 0 ? [{}] : examples).map((example) => ({ name, topic, http, frame, example }));
});

test('the page has every message that a device sends', () => {
  assert.equal(new Set(sent.map(({ name }) => name)).size, 6);
});

test('each example is taken where the page says, over HTTP', async () => {
  for (const { name, http, example } of sent) {
    const [method = '', path = ''] = http.split(' ');
    const values = await current(example);
    const filled = path.replace(/\{(\w+)\}/g, (_, field: string) => {
      const value = String(values[field]);
      delete values[field];
      return value;
    });
    const reply = await fetch(muster.url + filled, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(method === 'GET' ? {} : { body: JSON.stringify(values) }),
    });
    assert.ok(reply.ok, `${name}: ${reply.status} ${await reply.text()}`);
  }
});

test('each example is taken where the page says, over WebSocket', async (t) => {
  const socket = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
  });
  t.after(() => socket.terminate());
  await once(socket, 'open');
  for (const { name, frame, example } of sent) {
    socket.send(JSON.stringify({ type: frame, id: name, ...(await current(example)) }));
    const [data] = (await once(socket, 'message')) as [Buffer];
    const answer = JSON.parse(data.toString()) as { type: string; id: string };
    assert.deepEqual([answer.type, answer.id], ['ack', name], data.toString());
    if (name.startsWith('twin')) assert.ok(Value.Check(TwinState, answer), data.toString());
  }
});

test('each example is taken where the page says, over MQTT', async (t) => {
  const client = await connectAsync(`mqtt://127.0.0.1:${muster.server.mqtt.port}`, {
    protocolVersion: 5,
    username: 'device',
    password: token,
    reconnectPeriod: 0,
  });
  t.after(() => client.endAsync(true));
  for (const { topic, example } of sent) {
    // rejects when the reason is a refusal
    await client.publishAsync(topic.replace('{me}', 'me'), JSON.stringify(await current(example)), { qos: 1 });
  }
  await assert.rejects(client.publishAsync('devices/me/telemetry', '{"value":1}', { qos: 1 }));
});
