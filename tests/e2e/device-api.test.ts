import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { Command, CommandMessage, DeviceCreated, LatestList, Twin } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectAsync, type MqttClient } from 'mqtt';
import { WebSocket } from 'ws';

/** The device API is one contract: the same is asked of each wire, on the real server. */
let muster: TestServer;

before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

interface Answer {
  /** Null: taken. */
  readonly code: string | null;
}

/** One wire, as its simplest device uses it. */
interface Wire {
  telemetry(message: unknown): Promise<Answer>;
  raw(bytes: Buffer): Promise<Answer>;
  report(reported: object): Promise<Answer>;
  reply(reply: object): Promise<Answer>;
  /** The next command that comes. */
  command(): Promise<CommandMessage>;
  /** The next delta that comes; null where the wire has none. */
  delta(): Promise<{ version: number; delta: object } | null>;
  close(): Promise<void>;
}

const codeIn = (text: string): string => /[A-Z]+(?:_[A-Z]+)+/.exec(text)?.[0] ?? text;

function http(token: string): Wire {
  async function send(method: string, path: string, body: string | Uint8Array<ArrayBuffer>): Promise<Answer> {
    const reply = await fetch(`${muster.url}/device/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      body,
    });
    const text = await reply.text();
    return { code: reply.ok ? null : JSON.parse(text).error.code };
  }
  return {
    telemetry: (message) => send('POST', 'telemetry', JSON.stringify(message)),
    raw: (bytes) => send('POST', 'telemetry', new Uint8Array(bytes)),
    report: (reported) => send('PATCH', 'twin', JSON.stringify({ reported })),
    reply: ({ commandId, ...rest }: { commandId?: string }) =>
      send('POST', `commands/${commandId}/reply`, JSON.stringify(rest)),
    async command() {
      const reply = await fetch(`${muster.url}/device/v1/commands?waitMs=10000`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return (await reply.json()) as CommandMessage;
    },
    delta: async () => null,
    close: async () => undefined,
  };
}

async function socket(token: string): Promise<Wire> {
  const ws = new WebSocket(`${muster.url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  const frames: Record<string, unknown>[] = [];
  ws.on('message', (data) => frames.push(JSON.parse(String(data))));
  await once(ws, 'open');
  let id = 0;
  async function next(is: (frame: Record<string, unknown>) => boolean): Promise<Record<string, unknown>> {
    for (;;) {
      const at = frames.findIndex(is);
      const found = at < 0 ? undefined : frames.splice(at, 1)[0];
      if (found !== undefined) return found;
      await once(ws, 'message');
    }
  }
  async function ask(type: string, body: object): Promise<Answer> {
    id += 1;
    const mine = id;
    ws.send(JSON.stringify({ type, id: mine, ...body }));
    const answer = await next((frame) => frame.id === mine);
    return { code: answer.type === 'ack' ? null : String(answer.code) };
  }
  await ask('listen', { commands: true, twin: true });
  return {
    telemetry: (message) => ask('telemetry', message as object),
    async raw(bytes) {
      ws.send(bytes, { binary: false });
      const answer = await next((frame) => frame.type === 'error' || frame.id === null);
      return { code: String(answer.code) };
    },
    report: (reported) => ask('twinReport', { reported }),
    reply: (reply) => ask('commandReply', reply),
    command: async () => (await next(({ type }) => type === 'command')) as unknown as CommandMessage,
    delta: async () =>
      (await next(({ type }) => type === 'twinDelta')) as unknown as { version: number; delta: object },
    async close() {
      ws.close();
      await once(ws, 'close');
    },
  };
}

async function mqtt(token: string): Promise<Wire> {
  const client: MqttClient = await connectAsync(`mqtt://127.0.0.1:${muster.server.mqtt.port}`, {
    protocolVersion: 5,
    username: 'device',
    password: token,
    reconnectPeriod: 0,
  });
  const messages: { topic: string; body: unknown }[] = [];
  client.on('message', (topic, payload) => messages.push({ topic, body: JSON.parse(String(payload)) }));
  await client.subscribeAsync(['devices/me/commands', 'devices/me/twin/delta'], { qos: 1 });
  async function next(topic: string): Promise<unknown> {
    for (;;) {
      const at = messages.findIndex((message) => message.topic === topic);
      if (at >= 0) return messages.splice(at, 1)[0]?.body;
      await new Promise((resolve) => client.once('message', resolve));
    }
  }
  async function publish(topic: string, payload: string | Buffer): Promise<Answer> {
    try {
      const answer = await client.publishAsync(`devices/me/${topic}`, payload, { qos: 1 });
      const { reasonCode = 0 } = (answer ?? {}) as { reasonCode?: number };
      return { code: reasonCode >= 0x80 ? 'refused' : null };
    } catch (error) {
      return { code: codeIn(String((error as Error).message)) };
    }
  }
  return {
    telemetry: (message) => publish('telemetry', JSON.stringify(message)),
    raw: (bytes) => publish('telemetry', bytes),
    report: (reported) => publish('twin/report', JSON.stringify({ reported })),
    reply: (reply) => publish('commands/reply', JSON.stringify(reply)),
    command: async () => (await next('devices/me/commands')) as CommandMessage,
    delta: async () => (await next('devices/me/twin/delta')) as { version: number; delta: object },
    close: () => client.endAsync(),
  };
}

const WIRES = { http: async (token: string) => http(token), socket, mqtt };

for (const [name, connect] of Object.entries(WIRES)) {
  test(`${name}: what is acknowledged is stored, once`, async () => {
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} one` });
    const wire = await connect(token);
    const message = { seq: 1, values: { temperature: 21.5, on: true, mode: 'eco', at: { latitude: 1, longitude: 2 } } };
    assert.deepEqual(await wire.telemetry(message), { code: null });
    assert.deepEqual(await wire.telemetry({ seq: 1, values: { temperature: 99 } }), { code: null }, 'sent again');
    const { latest } = await muster.call<LatestList>('GET', `/api/devices/${device.deviceId}/telemetry/latest`);
    assert.deepEqual(Object.fromEntries(latest.map(({ series, kind, value }) => [series, [kind, value]])), {
      temperature: ['number', 21.5],
      on: ['boolean', true],
      mode: ['string', 'eco'],
      at: ['position', { latitude: 1, longitude: 2 }],
    });
    await wire.close();
  });

  test(`${name}: what does not fit is refused and nothing of it is stored`, async () => {
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} two` });
    const wire = await connect(token);
    await wire.telemetry({ values: { temperature: 20 } });
    const bad: unknown[] = [
      { values: { temperature: 'hot' } },
      { values: { humidity: 40, temperature: 'hot' } },
      { values: { 'a b': 1 } },
      { values: { x: null } },
      { values: { x: [1] } },
      { values: {} },
      {},
      { values: { x: 1 }, at: Date.now() + 3_600_000 },
      { values: { x: 1 }, at: 1_000 },
      { values: { x: 1 }, extra: 1 },
      { seq: -1, values: { x: 1 } },
      JSON.parse('{"values":{"__proto__":1}}'),
    ];
    for (const message of bad) {
      assert.notEqual((await wire.telemetry(message)).code, null, JSON.stringify(message));
    }
    for (const bytes of [
      Buffer.from('{"values":{"x":1'),
      Buffer.from(`${'['.repeat(2_000)}`),
      Buffer.from('nothing'),
    ]) {
      assert.notEqual((await wire.raw(bytes)).code, null);
    }
    const { latest } = await muster.call<LatestList>('GET', `/api/devices/${device.deviceId}/telemetry/latest`);
    assert.deepEqual(
      latest.map(({ series }) => series),
      ['temperature'],
    );
    await wire.close();
  });

  test(`${name}: a command reaches the device and its end is known`, async () => {
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} three` });
    const wire = await connect(token);
    const coming = wire.command();
    const sent = muster.call<Command>('POST', `/api/devices/${device.deviceId}/commands?waitMs=10000`, {
      name: 'blink',
      args: { times: 3 },
    });
    const message = await coming;
    assert.equal(message.name, 'blink');
    assert.deepEqual(message.args, { times: 3 });
    assert.deepEqual(await wire.reply({ commandId: message.commandId, state: 'confirmed', result: { blinked: 3 } }), {
      code: null,
    });
    const command = await sent;
    assert.equal(command.state, 'confirmed');
    assert.deepEqual(command.result, { blinked: 3 });
    assert.deepEqual(await wire.reply({ commandId: message.commandId, state: 'failed' }), { code: null }, 'late');
    assert.equal((await muster.call<Command>('GET', `/api/commands/${command.commandId}`)).state, 'confirmed');
    await wire.close();
  });

  test(`${name}: a command of another device cannot be answered`, async () => {
    const mine = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} four` });
    const other = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} five` });
    const wire = await connect(mine.token);
    const { commandId } = await muster.call<Command>('POST', `/api/devices/${other.device.deviceId}/commands`, {
      name: 'open',
    });
    assert.notEqual((await wire.reply({ commandId, state: 'confirmed' })).code, null);
    assert.equal((await muster.call<Command>('GET', `/api/commands/${commandId}`)).state, 'queued');
    await wire.close();
  });

  test(`${name}: the twin: reported is stored, desired is told`, async () => {
    const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: `${name} six` });
    const twin = `/api/devices/${device.deviceId}/twin`;
    await muster.call('PATCH', `${twin}/desired`, { patch: { led: { on: true } } });
    const wire = await connect(token);
    const delta = await wire.delta();
    if (delta !== null) assert.deepEqual(delta.delta, { led: { on: true } }, 'the delta comes at connect');
    assert.deepEqual(await wire.report({ led: { on: true }, version: '1.2' }), { code: null });
    const found = await muster.call<Twin>('GET', twin);
    assert.deepEqual(found.reported, { led: { on: true }, version: '1.2' });
    assert.deepEqual(found.delta, {});
    assert.ok((found.reportedTimes['led.on'] ?? 0) > 0);
    await wire.close();
  });
}

test('a wrong token, and one of a revoked device, open no wire', async () => {
  const { device, token } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'gone' });
  const wire = http(token);
  assert.deepEqual(await wire.telemetry({ values: { x: 1 } }), { code: null });
  await muster.call('POST', `/api/devices/${device.deviceId}/revoke`);
  assert.deepEqual(await wire.telemetry({ values: { x: 2 } }), { code: 'DEVICE_TOKEN_INVALID' });
  await assert.rejects(socket(token));
  await assert.rejects(mqtt(token));
});
