import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import type { Device, DeviceCreated } from '@muster/contract';
import { startTestServer, type TestServer } from '../../testing.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer({
    flags: ['--mqtt.bytesPerSecond=65536'],
  });
});
after(() => muster.stop());

/** With `length`, or in chunks: then nobody knows beforehand how much comes. */
function send(token: string, body: string, chunked: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(chunked ? { 'transfer-encoding': 'chunked' } : { 'content-length': Buffer.byteLength(body) }),
    };
    const asked = request(`${muster.url}/device/v1/telemetry`, { method: 'POST', headers }, (reply) => {
      reply.resume();
      reply.on('end', () => resolve(reply.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

for (const chunked of [false, true]) {
  test(`the bytes of a device count ${chunked ? 'also when it does not say how many come' : 'by what it says'}`, async () => {
    const { token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'one' });
    const body = `{"values":{"a":1}}${' '.repeat(60_000)}`;
    const seen: number[] = [];
    // far more than its second holds, sent at once
    for (let nth = 0; nth < 12; nth++) seen.push(await send(token, body, chunked));
    assert.equal(seen[0], 204);
    assert.ok(seen.includes(429), String(seen));
  });
}

test('a device that speaks over HTTP alone is seen, and is not missed when it says nothing', async () => {
  const made = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'polls' });
  const { deviceId } = made.device;
  const headers = { authorization: `Bearer ${made.token}` };
  const shown = () => muster.call<Device>('GET', `/api/devices/${deviceId}`);
  assert.deepEqual([made.device.lastSeenAt, made.device.keepsConnection], [null, null]);
  const before = Date.now();
  assert.equal((await fetch(`${muster.url}/device/v1/time`, { headers })).status, 200);
  const seen = await comes(shown, ({ lastSeenAt }) => lastSeenAt !== null);
  assert.ok((seen.lastSeenAt ?? 0) >= before);
  assert.deepEqual([seen.keepsConnection, seen.connected], [false, false]);
  // a poll is a connection while it waits, and no more
  const hangUp = new AbortController();
  const poll = fetch(`${muster.url}/device/v1/commands?waitMs=20000`, { headers, signal: hangUp.signal });
  const here = await comes(shown, ({ connected }) => connected);
  assert.equal(here.keepsConnection, false);
  hangUp.abort();
  await assert.rejects(poll);
  assert.equal((await comes(shown, ({ connected }) => !connected)).keepsConnection, false);
});

test('a conversation of a board over WebSocket is no connection that it keeps', async () => {
  const board = await muster.connect();
  try {
    const shown = () => muster.call<Device>('GET', `/api/devices/${board.id}`);
    const here = await comes(shown, ({ connected, keepsConnection }) => connected && keepsConnection !== null);
    assert.equal(here.keepsConnection, false);
    board.powerOff();
    assert.equal((await comes(shown, ({ connected }) => !connected)).keepsConnection, false);
  } finally {
    board.powerOff();
  }
});

/** What is read, once it holds; fails after 5 s. */
async function comes<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  for (let left = 250; left > 0; left--) {
    const value = await read();
    if (holds(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return assert.fail('not within 5 s');
}
