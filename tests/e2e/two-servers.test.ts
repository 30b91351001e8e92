import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Command, Device, DeviceCreated, ReadyReply, TwinState } from '@muster/contract';
import { connectLightMqtt, type LightMqtt, type LightMqttOptions } from '@muster/testkit';
import { connectAsync, type MqttClient } from 'mqtt';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { natsMissing, startNats, type TestNats } from '../../packages/server/src/platform/bus/nats-server.fixture.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../packages/server/src/platform/db/index.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';

const SECRETS_KEY = Buffer.alloc(32, 7).toString('base64');
/** Two servers, each a process of its own, on one PostgreSQL and one NATS. */
describe('two servers on one database and one bus', { skip: natsMissing() }, () => {
  let directory: string;
  let postgres: EmbeddedPostgres | undefined;
  let nats: TestNats | undefined;
  let bus: TestNats;
  let a: ServerProcess;
  let b: ServerProcess;
  const running = new Set<ServerProcess>();
  const clients = new Set<LightMqtt>();

  async function start(name: string): Promise<ServerProcess> {
    assert.ok(postgres !== undefined);
    const server = await startServerProcess({
      main: STUB_MAIN,
      dataDir: join(directory, name),
      flags: [
        `--database.url=${postgres.connectionString}`,
        '--database.poolSize=6',
        `--bus.url=${bus.url}`,
        // servers of one database have one key
        `--secrets.key=${SECRETS_KEY}`,
      ],
      // what goes wrong on purpose is logged too
      onLog: (line) => void (process.argv.includes('--log') && console.error(name, line)),
    });
    running.add(server);
    return server;
  }

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'muster-two-'));
    postgres = await startEmbeddedPostgres(join(directory, 'database'), createLogger('silent'));
    bus = nats = await startNats();
    a = await start('a');
    b = await start('b');
    await eventually('the servers hear each other', async () => (await isBusReady(a)) && (await isBusReady(b)));
  });
  after(async () => {
    for (const client of clients) client.drop();
    await Promise.allSettled([...running].map((server) => server.stop()));
    await nats?.kill();
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  interface TestDevice extends LightMqtt {
    /** Commands that came, each confirmed with the name of the place. */
    readonly commands: string[];
    readonly deltas: unknown[];
    /** What was on its own topics. */
    readonly own: unknown[];
    readonly closed: Promise<void>;
  }

  /** A device that confirms whatever it is told; `where` is in its answers. */
  async function connect(
    server: ServerProcess,
    { token }: DeviceCreated,
    where: string,
    options: Partial<LightMqttOptions> = {},
    filters = ['devices/me/commands', 'devices/me/twin/delta'],
  ): Promise<TestDevice> {
    const commands: string[] = [];
    const deltas: unknown[] = [];
    const own: unknown[] = [];
    const closed = Promise.withResolvers<void>();
    const client: LightMqtt = await connectLightMqtt({
      host: '127.0.0.1',
      port: server.mqttPort,
      username: 'me',
      password: token,
      onMessage(topic, payload) {
        const body = JSON.parse(String(payload));
        if (topic.endsWith('/twin/delta')) deltas.push(body);
        if (topic.includes('/app/')) own.push(body);
        if (!topic.endsWith('/commands')) return;
        commands.push(body.commandId);
        const reply = { commandId: body.commandId, state: 'confirmed', result: { where } };
        // a connection that ends meanwhile takes its answer with it
        client.publish('devices/me/commands/reply', JSON.stringify(reply)).catch(() => undefined);
      },
      onClose: () => closed.resolve(),
      ...options,
    });
    clients.add(client);
    if (filters.length > 0) await client.subscribe(filters, 1);
    return Object.assign(Object.create(client) as LightMqtt, { commands, deltas, own, closed: closed.promise });
  }

  const create = (name: string) => a.call<DeviceCreated>('POST', '/api/devices', { name });
  const shows = async (server: ServerProcess, { device }: DeviceCreated): Promise<boolean> =>
    (await server.call<Device>('GET', `/api/devices/${device.deviceId}`)).connected;
  const shown = (servers: readonly ServerProcess[], created: DeviceCreated, connected: boolean, ms = 5_000) =>
    eventually(
      `connected is ${connected}`,
      async () => (await Promise.all(servers.map((server) => shows(server, created)))).every((is) => is === connected),
      ms,
    );
  const command = (server: ServerProcess, { device }: DeviceCreated, waitMs: number): Promise<Command> =>
    server.call('POST', `/api/devices/${device.deviceId}/commands?waitMs=${waitMs}`, {
      name: 'open',
      deadlineMs: 30_000,
    });
  const wait = (server: ServerProcess, commandId: string): Promise<Command> =>
    server.call('GET', `/api/commands/${commandId}?waitMs=20000`);

  test('a command entered at either reaches the device at the other; its result is awaited at either', async () => {
    const created = await create('At A');
    const device = await connect(a, created, 'a');
    await shown([a, b], created, true);
    for (const [enter, look] of [
      [b, a],
      [a, b],
      [b, b],
    ] as const) {
      const { commandId } = await command(enter, created, 0);
      const ended = await wait(look, commandId);
      assert.deepEqual([ended.state, ended.result], ['confirmed', { where: 'a' }]);
    }
    assert.equal(new Set(device.commands).size, 3);
    assert.equal(device.commands.length, 3, 'each came once');
    await device.end();
    await shown([a, b], created, false);
  });

  test('a wish entered at one is told to the device at the other', async () => {
    const created = await create('Twin');
    const device = await connect(a, created, 'a');
    await b.call<TwinState>('PATCH', `/api/devices/${created.device.deviceId}/twin/desired`, {
      patch: { light: 'on' },
    });
    await eventually('the delta came', () => device.deltas.length > 0);
    await device.end();
  });

  test('the newer connection counts: the older at the other server is closed, and stays gone', async () => {
    const created = await create('Moves');
    const older = await connect(a, created, 'a', { clientId: 'same' });
    await shown([a, b], created, true);
    const newer = await connect(b, created, 'b', { clientId: 'same' });
    await within('the older is closed', older.closed);
    await shown([a, b], created, true);
    const ended = await command(a, created, 20_000);
    assert.deepEqual([ended.state, ended.result], ['confirmed', { where: 'b' }]);
    assert.deepEqual(older.commands, []);
    assert.equal(newer.open, true);
    await newer.end();
    await shown([a, b], created, false);
  });

  test('a device that is revoked at one is closed at the other within 5 s, and does not come back', async () => {
    const created = await create('Revoked');
    const device = await connect(b, created, 'b');
    await a.call('POST', `/api/devices/${created.device.deviceId}/revoke`);
    await within('it is closed', device.closed);
    for (const server of [a, b]) await assert.rejects(connect(server, created, ''), { code: 'DEVICE_TOKEN_INVALID' });
  });

  test('a token that one server knows by heart is no good at once when the other revokes the device', async () => {
    const created = await create('By HTTP');
    const send = (server: ServerProcess): Promise<Response> =>
      fetch(`${server.url}/device/v1/telemetry`, {
        method: 'POST',
        headers: { authorization: `Bearer ${created.token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ values: { temp: 1 } }),
      });
    assert.equal((await send(b)).status, 204);
    await a.call('POST', `/api/devices/${created.device.deviceId}/revoke`);
    await eventually('it is refused', async () => (await send(b)).status === 401, 4_000);
  });

  test('NATS killed: commands still arrive by the database; started again: the servers hear each other, no storm', async () => {
    const created = await create('Without a bus');
    const device = await connect(b, created, 'b');
    await shown([a, b], created, true);
    await bus.kill();
    await eventually('both say so', async () => !(await isBusReady(a)) && !(await isBusReady(b)), 20_000);
    const begun = performance.now();
    const ended = await command(a, created, 25_000);
    assert.deepEqual([ended.state, ended.result], ['confirmed', { where: 'b' }]);
    console.log(`a command without a bus: ${Math.round(performance.now() - begun)} ms`);
    const elsewhere = await create('Revoked unheard');
    const unheard = await connect(b, elsewhere, 'b');
    await a.call('POST', `/api/devices/${elsewhere.device.deviceId}/revoke`);
    await bus.start();
    await eventually('both say so', async () => (await isBusReady(a)) && (await isBusReady(b)), 20_000);
    await within('who was revoked unheard is closed', unheard.closed, 10_000);
    const sent = await messagesOf(a);
    const { commandId } = await command(a, created, 20_000);
    assert.equal((await wait(b, commandId)).state, 'confirmed');
    assert.ok((await messagesOf(a)) - sent < 50, 'a few messages for a command');
    assert.equal(device.commands.length, 2, 'each came once');
    await device.end();
  });

  test('a kept session and retained messages are found at the other server', async () => {
    const created = await create('Keeps');
    const keeps = { clientId: 'keeps', clean: false };
    const first = await connect(a, created, 'a', keeps);
    await first.end();
    const raw = await connectMqttJs(a, created.token);
    await raw.publishAsync('devices/me/app/state', '"kept"', { qos: 1, retain: true });
    await raw.endAsync();
    await shown([a, b], created, false);
    const waiting = await command(a, created, 0);
    // it subscribes to nothing: its session knows
    const second = await connect(b, created, 'b', keeps, []);
    assert.equal((await wait(a, waiting.commandId)).state, 'confirmed');
    assert.deepEqual(second.commands, [waiting.commandId]);
    await second.subscribe('devices/me/app/#', 1);
    await eventually('the retained message came', () => second.own.length > 0);
    assert.deepEqual(second.own, ['kept']);
    await second.end();
  });

  test('a graceful stop hands the device over: it is shown gone at once and reached at the other', async () => {
    const created = await create('Handed over');
    const device = await connect(b, created, 'b');
    await shown([a], created, true);
    const stopping = b.stop();
    await within('it is told to go', device.closed, 20_000);
    const begun = performance.now();
    const back = await connect(a, created, 'a');
    const ended = await command(a, created, 20_000);
    assert.deepEqual([ended.state, ended.result], ['confirmed', { where: 'a' }]);
    const tookMs = performance.now() - begun;
    console.log(`handed over in ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 5_000);
    await stopping;
    running.delete(b);
    assert.equal(await shows(a, created), true, 'the end of the old server takes nothing from the new one');
    await back.end();
    b = await start('b');
    await eventually('the servers hear each other', () => isBusReady(b));
  });

  test('kill -9 of the owner: within 10 s the device is connected to the other, shown there, and reached', async () => {
    const created = await create('Orphan');
    const left = await create('Does not come back');
    const device = await connect(b, created, 'b');
    await connect(b, left, 'b');
    await shown([a, b], created, true);
    await shown([a, b], left, true);
    const begun = performance.now();
    await b.kill9();
    running.delete(b);
    await within('the connection is gone', device.closed);
    const back = await connect(a, created, 'a');
    await shown([a], created, true);
    const ended = await command(a, created, 20_000);
    assert.deepEqual([ended.state, ended.result], ['confirmed', { where: 'a' }]);
    const tookMs = performance.now() - begun;
    console.log(`killed and reached again in ${Math.round(tookMs)} ms`);
    assert.ok(tookMs < 10_000);
    await shown([a], left, false, 10_000);
    console.log(`shown as gone after ${Math.round(performance.now() - begun)} ms`);
    assert.equal(await shows(a, created), true);
    await back.end();
  });
});

function connectMqttJs(server: ServerProcess, token: string): Promise<MqttClient> {
  const options = { username: 'me', password: token, reconnectPeriod: 0, connectTimeout: 5_000 };
  return connectAsync(`mqtt://127.0.0.1:${server.mqttPort}`, options);
}

async function isBusReady(server: ServerProcess): Promise<boolean> {
  const reply = await fetch(`${server.url}/ready`);
  const { parts } = (await reply.json()) as ReadyReply;
  return parts.find(({ name }) => name === 'bus')?.state === 'ready';
}

/** Messages that the server sent to others so far. */
async function messagesOf(server: ServerProcess): Promise<number> {
  return Number(/^muster_bus_messages_total\{way="out"\} (\d+)/m.exec(await server.text('/metrics'))?.[1] ?? 0);
}

/** Waits until it holds; fails after `ms`. */
async function eventually(what: string, holds: () => Promise<boolean> | boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function within(what: string, promise: Promise<void>, ms = 5_000): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new assert.AssertionError({ message: `not within ${ms} ms: ${what}` })), ms);
  });
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
