import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { CommandMessage, DeviceCreated, ReadyReply } from '@muster/contract';
import { connectLightMqtt, createXiaozhiDevice } from '@muster/testkit';
import { WebSocket } from 'ws';
import { type ServerProcess, STUB_MAIN, startServerProcess } from '../../bench/server-process.ts';
import { natsMissing, startNats, type TestNats } from '../../packages/server/src/platform/bus/nats-server.fixture.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../packages/server/src/platform/db/index.ts';
import { createLogger } from '../../packages/server/src/platform/log.ts';

const SECRETS_KEY = Buffer.alloc(32, 7).toString('base64');
/** What S30 and D03 ask for: from the answer to the person to the end at the other server, ms. */
const MOST_MS = 5_000;

/** Devices at one server, revoked at another: with the bus, and with nothing but the database between them. */
describe('revoked at one server, closed at the other within 5 s', { skip: natsMissing() }, () => {
  let directory: string;
  let postgres: EmbeddedPostgres;
  let nats: TestNats;
  let a: ServerProcess;
  let b: ServerProcess;
  let boards = 0;

  const start = (name: string): Promise<ServerProcess> =>
    startServerProcess({
      main: STUB_MAIN,
      dataDir: join(directory, name),
      flags: [
        `--database.url=${postgres.connectionString}`,
        '--database.poolSize=6',
        `--bus.url=${nats.url}`,
        `--secrets.key=${SECRETS_KEY}`,
      ],
      onLog: (line) => void (process.argv.includes('--log') && console.error(name, line)),
    });

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'muster-revoke-'));
    postgres = await startEmbeddedPostgres(join(directory, 'database'), createLogger('silent'));
    nats = await startNats();
    a = await start('a');
    b = await start('b');
    await eventually('the servers hear each other', async () => (await isBusReady(a)) && (await isBusReady(b)));
  });
  after(async () => {
    await Promise.allSettled([a?.stop(), b?.stop()]);
    await nats?.kill();
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  });

  const make = (name: string): Promise<DeviceCreated> => a.call('POST', '/api/devices', { name });
  const ask = async (token: string): Promise<number> =>
    (await fetch(`${b.url}/device/v1/time`, { headers: { authorization: `Bearer ${token}` } })).status;

  interface Open {
    readonly deviceId: string;
    /** Resolves when its connection to B has ended. */
    readonly ended: () => Promise<unknown>;
  }

  async function overMqtt(
    made: DeviceCreated,
    onCommand = (_message: CommandMessage): void => undefined,
  ): Promise<Open> {
    const closed = Promise.withResolvers<void>();
    const client = await connectLightMqtt({
      host: '127.0.0.1',
      port: b.mqttPort,
      username: 'me',
      password: made.token,
      onMessage: (_topic, payload) => onCommand(JSON.parse(String(payload))),
      onClose: () => closed.resolve(),
    });
    await client.subscribe(['devices/me/commands'], 1);
    return { deviceId: made.device.deviceId, ended: () => closed.promise };
  }

  async function overWebSocket(made: DeviceCreated): Promise<Open> {
    const headers = { authorization: `Bearer ${made.token}` };
    const socket = new WebSocket(`${b.url.replace('http', 'ws')}/device/v1/socket`, { headers });
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await new Promise((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return { deviceId: made.device.deviceId, ended: () => closed };
  }

  async function overHttp(made: DeviceCreated): Promise<Open> {
    assert.equal(await ask(made.token), 200);
    // asked all the time, so that the server knows it by heart
    const ended = () => eventually('refused', async () => (await ask(made.token)) === 401, MOST_MS);
    return { deviceId: made.device.deviceId, ended };
  }

  async function asXiaozhi(): Promise<Open> {
    boards += 1;
    const device = createXiaozhiDevice({
      otaUrl: b.otaUrl,
      hardwareId: `02:00:00:00:05:0${boards}`,
      clientId: `6ba7b810-9dad-11d1-80b4-00c04fd430d${boards}`,
    });
    let deviceId = '';
    await device.activateWith(async (code) => {
      deviceId = (await a.call<{ deviceId: string }>('POST', '/api/devices/activate', { code })).deviceId;
    });
    await device.connect();
    return { deviceId, ended: () => device.closed() };
  }

  async function revokeAll(): Promise<void> {
    const open = [
      ['MQTT', await overMqtt(await make('mqtt'))],
      ['WebSocket', await overWebSocket(await make('socket'))],
      ['HTTP', await overHttp(await make('http'))],
      ['Xiaozhi', await asXiaozhi()],
    ] as const;
    for (const [wire, { deviceId, ended }] of open) {
      await a.call('POST', `/api/devices/${deviceId}/revoke`);
      const begun = performance.now();
      await within(wire, ended());
      console.log(`revoked over ${wire}: ended after ${Math.round(performance.now() - begun)} ms`);
    }
  }

  test('with the bus, on every wire', () => revokeAll());

  test('with the bus away, on every wire; a new token reaches its device too, and ends the old one', async () => {
    await nats.kill();
    await eventually('both say so', async () => !(await isBusReady(a)) && !(await isBusReady(b)), 20_000);
    await revokeAll();
    const made = await make('rotated');
    const told = Promise.withResolvers<string>();
    const old = await overMqtt(made, ({ name, args }) => {
      if (name === 'replaceToken') told.resolve(String(args.token));
    });
    await eventually('it is shown', async () => {
      const { connected } = await a.call<{ connected: boolean }>('GET', `/api/devices/${old.deviceId}`);
      return connected;
    });
    await a.call('POST', `/api/devices/${old.deviceId}/credentials/rotate`, {});
    const begun = performance.now();
    const token = await Promise.race([told.promise, late('it is told', MOST_MS)]);
    console.log(`told without a bus after ${Math.round(performance.now() - begun)} ms`);
    // used at A: the old one ends at B
    const reply = await fetch(`${a.url}/device/v1/time`, { headers: { authorization: `Bearer ${token}` } });
    assert.equal(reply.status, 200);
    await within('the old token', old.ended());
    assert.equal(await ask(made.token), 401);
    assert.equal(await ask(token), 200);
  });
});

async function isBusReady(server: ServerProcess): Promise<boolean> {
  const { parts } = (await (await fetch(`${server.url}/ready`)).json()) as ReadyReply;
  return parts.find(({ name }) => name === 'bus')?.state === 'ready';
}

async function eventually(what: string, holds: () => Promise<boolean>, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    assert.ok(performance.now() < end, `not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function late(what: string, ms: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new assert.AssertionError({ message: `not within ${ms} ms: ${what}` })), ms).unref();
  });
}

const within = (what: string, promise: Promise<unknown>): Promise<unknown> =>
  Promise.race([promise, late(what, MOST_MS)]);
