import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type AlertList, bug, type DeviceCreated, isErrorCode, type LatestList } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectLightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';

/** What no proper device sends, over every wire of the real server: refused, counted, slowed down, and alerted on. */
let muster: TestServer;

before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

const LIMIT_MS = 40_000;
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const manySeries = (from: number): Buffer =>
  json({ values: Object.fromEntries(Array.from({ length: 200 }, (_, nth) => [`flood-${from + nth}`, 1])) });
/** About a million keys could not be sent: this is what fits into the largest message. */
const manyKeys = json({ values: Object.fromEntries(Array.from({ length: 5_000 }, (_, nth) => [`k${nth}`, 1])) });

interface BadInput {
  readonly what: string;
  readonly bytes: Buffer;
  readonly code: string;
}

const MESSAGES: readonly BadInput[] = [
  { what: 'too deep', bytes: Buffer.from('['.repeat(2_000)), code: 'MESSAGE_TOO_DEEP' },
  { what: 'no JSON', bytes: Buffer.from('{"values":{"x":1'), code: 'MESSAGE_INVALID' },
  { what: 'wrong type', bytes: json({ values: { x: [1] } }), code: 'MESSAGE_INVALID' },
  { what: 'too many keys', bytes: manyKeys, code: 'MESSAGE_INVALID' },
  { what: 'another kind', bytes: json({ values: { temperature: 'hot' } }), code: 'SERIES_KIND' },
  { what: 'the future', bytes: json({ values: { x: 1 }, at: Date.now() + 3_600_000 }), code: 'TIME_IMPOSSIBLE' },
  { what: 'a flood of series', bytes: manySeries(400), code: 'SERIES_LIMIT' },
];
const NO_UTF8 = Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]);
const OVERSIZED = Buffer.alloc(80_000, 0x61);

interface Wire {
  /** Sends it as a message of measurements; resolves when it was answered, or the connection has ended. */
  send(bytes: Buffer): Promise<void>;
  close(): void;
}

async function http(token: string): Promise<Wire> {
  return {
    async send(bytes) {
      const reply = await fetch(`${muster.url}/device/v1/telemetry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: new Uint8Array(bytes),
      });
      const text = await reply.text();
      if (!reply.ok) assert.ok(isErrorCode(JSON.parse(text).error.code), text);
    },
    close: () => undefined,
  };
}

async function thingsBoardHttp(token: string): Promise<Wire> {
  return {
    async send(bytes) {
      const reply = await fetch(`${muster.url}/api/v1/${token}/telemetry`, {
        method: 'POST',
        body: new Uint8Array(bytes),
      });
      await reply.text();
    },
    close: () => undefined,
  };
}

async function socket(token: string): Promise<Wire> {
  const open = async (): Promise<WebSocket> => {
    const made = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
      headers: { authorization: `Bearer ${token}` },
      perMessageDeflate: false,
    });
    made.on('error', () => undefined);
    await once(made, 'open', { signal: AbortSignal.timeout(LIMIT_MS) });
    return made;
  };
  let current = await open();
  return {
    async send(bytes) {
      if (current.readyState !== WebSocket.OPEN) current = await open();
      // what fits is a message of its type, all else goes as it is
      const text = bytes.toString('utf8');
      const framed =
        text.startsWith('{"values":{') && text.endsWith('}') ? `{"type":"telemetry","id":1,${text.slice(1)}` : null;
      current.send(framed ?? bytes, { binary: false });
      const signal = AbortSignal.timeout(LIMIT_MS);
      await Promise.race([once(current, 'message', { signal }), once(current, 'close', { signal })]);
    },
    close: () => current.terminate(),
  };
}

const mqtt =
  (version: 4 | 5, topic = 'devices/me/telemetry') =>
  async (token: string): Promise<Wire> => {
    const port = muster.server.mqtt.port ?? 0;
    const open = () => connectLightMqtt({ host: '127.0.0.1', port, username: 'device', password: token, version });
    let current = await open();
    return {
      async send(bytes) {
        if (!current.open) current = await open();
        // an end of the connection is an answer too
        await current.publish(topic, bytes, 1).catch(() => undefined);
      },
      close: () => current.drop(),
    };
  };

async function refusals(): Promise<Map<string, number>> {
  const text = await muster.text('/metrics');
  const found = text.matchAll(/^muster_device_refused_total\{code="(\w+)"\} (\d+)$/gm);
  return new Map([...found].map(([, code, count]) => [code ?? '', Number(count)]));
}

async function until<T>(what: string, look: () => Promise<T | null>): Promise<T> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > end) throw bug(`it did not happen: ${what}`);
    await delay(50);
  }
}

/** What counts this code has grown by, once it has. */
async function counted(code: string, before: ReadonlyMap<string, number>): Promise<number> {
  return until(`${code} is counted`, async () => {
    const grown = ((await refusals()).get(code) ?? 0) - (before.get(code) ?? 0);
    return grown > 0 ? grown : null;
  });
}

async function alertOf(deviceId: string): Promise<string> {
  return until('the alert opens', async () => {
    const { alerts } = await muster.call<AlertList>('GET', `/api/alerts?deviceId=${deviceId}&state=open`);
    return alerts.find(({ ruleKind }) => ruleKind === 'refusals')?.fact ?? null;
  });
}

const make = (name: string): Promise<DeviceCreated> => muster.call<DeviceCreated>('POST', '/api/devices', { name });

const WIRES: Readonly<
  Record<string, { open(token: string): Promise<Wire>; readonly oversized: string; readonly noUtf8: string }>
> = {
  HTTP: { open: http, oversized: 'REQUEST_TOO_LARGE', noUtf8: 'MESSAGE_INVALID' },
  "ThingsBoard's HTTP": { open: thingsBoardHttp, oversized: 'REQUEST_TOO_LARGE', noUtf8: 'MESSAGE_INVALID' },
  WebSocket: { open: socket, oversized: 'FRAME_TOO_LARGE', noUtf8: 'FRAME_MALFORMED' },
  'MQTT 3.1.1': { open: mqtt(4), oversized: 'FRAME_TOO_LARGE', noUtf8: 'MESSAGE_INVALID' },
  'MQTT 5': { open: mqtt(5), oversized: 'FRAME_TOO_LARGE', noUtf8: 'MESSAGE_INVALID' },
};

for (const [name, { open, oversized, noUtf8 }] of Object.entries(WIRES)) {
  test(`${name}: bad input is refused with a code of the table, counted and alerted on; nothing of it is stored`, async (t) => {
    const { device, token } = await make(`bad ${name}`);
    const wire = await open(token);
    t.after(() => wire.close());
    const isThingsBoard = name.startsWith('ThingsBoard');
    await wire.send(json(isThingsBoard ? { temperature: 20 } : { values: { temperature: 20 } }));
    if (!isThingsBoard) for (const from of [0, 200]) await wire.send(manySeries(from));
    const stored = await muster.call<LatestList>('GET', `/api/devices/${device.deviceId}/telemetry/latest`);

    const bad = [
      // there every object is a message: only what is none is refused
      ...(isThingsBoard ? MESSAGES.slice(0, 2) : MESSAGES),
      { what: 'not UTF-8', bytes: NO_UTF8, code: noUtf8 },
      { what: 'oversized', bytes: OVERSIZED, code: oversized },
    ];
    for (const { what, bytes, code } of bad) {
      const before = await refusals();
      await wire.send(bytes);
      assert.equal(await counted(code, before), 1, what);
    }
    for (let more = 0; more < 12; more++) await wire.send(Buffer.from('nothing'));
    if (isThingsBoard) for (let more = 0; more < 6; more++) await wire.send(Buffer.from('nothing'));
    assert.match(await alertOf(device.deviceId), /messages refused within/);
    const { latest } = await muster.call<LatestList>('GET', `/api/devices/${device.deviceId}/telemetry/latest`);
    assert.deepEqual(latest, stored.latest);
  });
}

test('topics and frames of nobody, and of other devices', async (t) => {
  const other = await make('other');
  const { device, token } = await make('curious');
  const wires = [
    await mqtt(5, `devices/${other.device.deviceId}/telemetry`)(token),
    await mqtt(4, 'devices/me/nothing')(token),
    await mqtt(4, '$SYS/broker')(token),
    await socket(token),
  ];
  t.after(() => {
    for (const wire of wires) wire.close();
  });
  const expected = ['TOPIC_FORBIDDEN', 'TOPIC_UNKNOWN', 'TOPIC_FORBIDDEN', 'TOPIC_UNKNOWN'];
  for (const [index, wire] of wires.entries()) {
    const before = await refusals();
    for (let more = 0; more < 6; more++)
      await wire.send(index === 3 ? json({ type: 'nothing', id: 1 }) : json({ values: { x: 1 } }));
    assert.equal(await counted(expected[index] ?? '', before), 6);
  }
  await alertOf(device.deviceId);
  const { latest } = await muster.call<LatestList>('GET', `/api/devices/${other.device.deviceId}/telemetry/latest`);
  assert.deepEqual(latest, []);
});

test('a Xiaozhi device that talks nonsense is counted, alerted on and sent away', async () => {
  const device = await muster.connect();
  const before = await refusals();
  // the twentieth ends the connection
  for (let more = 0; more < 20; more++) device.send(more % 2 === 0 ? 'nonsense' : '['.repeat(500));
  assert.ok((await counted('MESSAGE_MALFORMED', before)) > 0);
  await alertOf(device.id);
  await device.close();
});

test('a flood over MQTT is read more slowly, counted and alerted on, and a neighbour is served', async (t) => {
  const flood = await make('flood');
  const good = await make('good');
  const port = muster.server.mqtt.port ?? 0;
  const before = await refusals();
  const hostile = await connectLightMqtt({ host: '127.0.0.1', port, username: 'x', password: flood.token });
  const neighbour = await connectLightMqtt({ host: '127.0.0.1', port, username: 'x', password: good.token });
  t.after(() => {
    hostile.drop();
    neighbour.drop();
  });
  for (let sent = 0; sent < 30_000; sent++) void hostile.publish('devices/me/nothing', '{}', 0);
  for (let seq = 0; seq < 20; seq++) {
    assert.equal(await neighbour.publish('devices/me/telemetry', JSON.stringify({ seq, values: { x: seq } }), 1), 0);
  }
  await counted('QUOTA_EXCEEDED', before);
  const text = await muster.text('/metrics');
  assert.ok(Number(/^muster_mqtt_throttled_total (\d+)/m.exec(text)?.[1]) > 0);
  await alertOf(flood.device.deviceId);
});

test('a flood over WebSocket is read more slowly, one over HTTP is told to wait; both are counted and alerted on', async (t) => {
  const { device, token } = await make('socket flood');
  const before = await refusals();
  const ws = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  t.after(() => ws.terminate());
  await once(ws, 'open', { signal: AbortSignal.timeout(LIMIT_MS) });
  for (let sent = 0; sent < 3_000; sent++) ws.send('{"type":"nothing"}');
  await counted('QUOTA_EXCEEDED', before);
  await alertOf(device.deviceId);

  const other = await make('http flood');
  const answers = await flooded(other.token);
  const statuses = new Set([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status));
  assert.deepEqual([...statuses].sort(), ['200', '429']);
  assert.match(answers, /^retry-after: \d/im);
  await counted('RATE_LIMITED', before);
  await alertOf(other.device.deviceId);
});

/** Many requests of a device at once, faster than clients that wait for answers. What came until one was refused. */
async function flooded(token: string): Promise<string> {
  const { hostname, port } = new URL(muster.url);
  const request = `GET /device/v1/time HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
  const refused = Promise.withResolvers<void>();
  const texts: string[] = [];
  const sockets = Array.from({ length: 16 }, (_, nth) => {
    const socket = createConnection(Number(port), hostname);
    texts.push('');
    socket.on('data', (bytes) => {
      texts[nth] += String(bytes);
      if (/HTTP\/1\.1 429 [\s\S]*\r\n\r\n/.test(texts[nth] ?? '')) refused.resolve();
    });
    socket.on('error', () => undefined);
    socket.write(request.repeat(200));
    return socket;
  });
  await Promise.race([refused.promise, delay(LIMIT_MS, undefined, { ref: false })]);
  for (const socket of sockets) socket.destroy();
  return texts.join('');
}

test('one device opens so many sockets, and connects so often', async (t) => {
  const { token } = await make('greedy');
  const sockets: WebSocket[] = [];
  t.after(() => {
    for (const one of sockets) one.terminate();
  });
  let refused = '';
  while (refused === '' && sockets.length < 20) {
    const ws = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
      headers: { authorization: `Bearer ${token}` },
    });
    sockets.push(ws);
    refused = await new Promise<string>((resolve, reject) => {
      ws.once('open', () => resolve(''));
      ws.once('unexpected-response', (_request, response) => resolve(String(response.statusCode)));
      ws.once('error', reject);
    });
  }
  assert.deepEqual([sockets.length, refused], [9, '429']);

  const port = muster.server.mqtt.port ?? 0;
  let connected = 0;
  for (let tries = 0; tries < 150; tries++) {
    const client = await connectLightMqtt({ host: '127.0.0.1', port, username: 'x', password: token }).catch(
      () => null,
    );
    if (client !== null) connected += 1;
    client?.drop();
  }
  assert.equal(connected, 120);
});
