import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import type { AlertList, DeviceCreated, DeviceCredentials, RotateReply } from '@muster/contract';
import { connectLightMqtt, createXiaozhiDevice, type LightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import { startTestServer, type TestServer } from '../../testing.ts';

let muster: TestServer;
before(async () => {
  muster = await startTestServer();
});
after(() => muster.stop());

const policy = (clonePolicy: 'alert' | 'quarantine') =>
  muster.call('PATCH', `/api/sites/${muster.siteId}`, { clonePolicy });
const make = (name: string): Promise<DeviceCreated> =>
  muster.call('POST', '/api/devices', { siteId: muster.siteId, name });
const shown = (deviceId: string): Promise<DeviceCredentials> =>
  muster.call('GET', `/api/devices/${deviceId}/credentials`);
const ask = async (token: string): Promise<string> => {
  const reply = await fetch(`${muster.url}/device/v1/time`, { headers: { authorization: `Bearer ${token}` } });
  return ((await reply.json()) as { error?: { code: string } }).error?.code ?? 'ok';
};

async function eventually<T>(read: () => Promise<T>, holds: (value: T) => boolean): Promise<T> {
  const until = performance.now() + 15_000;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    assert.ok(performance.now() < until, JSON.stringify(value));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
const quarantined = (deviceId: string) =>
  eventually(
    () => shown(deviceId),
    ({ quarantine }) => quarantine !== null,
  );
const alerted = (deviceId: string) =>
  eventually(
    () => muster.call<AlertList>('GET', `/api/alerts?siteId=${muster.siteId}&deviceId=${deviceId}`),
    ({ alerts }) => alerts.some(({ ruleKind }) => ruleKind === 'clone'),
  );

/** A socket from a network address of its own, that says something all the time. */
async function socket(token: string, localAddress: string) {
  const url = `${muster.url.replace('http', 'ws')}/device/v1/socket`;
  const open = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, localAddress });
  const closed = once(open, 'close').then(([, reason]) => String(reason));
  await once(open, 'open');
  return { open, closed };
}
const say = (one: { readonly open: WebSocket }): void => one.open.send('{"type":"time","id":1}');

/** Two that have the same client id, one after the other. */
async function fight(token: string, times: number): Promise<void> {
  let last: LightMqtt | null = null;
  for (let nth = 0; nth < times; nth++) {
    const options = { host: '127.0.0.1', port: muster.server.mqtt.port ?? 0, username: 'me', password: token };
    const gone: LightMqtt | null = last;
    last = await connectLightMqtt({ ...options, clientId: 'the same' }).catch((): LightMqtt | null => gone);
  }
  last?.drop();
}

test('one token from two addresses at the same time: people are told, and it goes on when the site says so', async () => {
  const made = await make('Told');
  const [here, there] = [await socket(made.token, '127.0.0.1'), await socket(made.token, '127.0.0.2')];
  const talks = setInterval(() => {
    for (const one of [here, there]) say(one);
  }, 100);
  await alerted(made.device.deviceId);
  clearInterval(talks);
  assert.equal((await shown(made.device.deviceId)).quarantine, null);
  assert.equal(await ask(made.token), 'ok');
  for (const { open } of [here, there]) open.close();
});

test('where the site says so it is shut out, until a person releases it', async () => {
  await policy('quarantine');
  const made = await make('Shut out');
  const { deviceId } = made.device;
  // one that only moved: what it left behind is silent
  const moved = await socket(made.token, '127.0.0.3');
  const here = await socket(made.token, '127.0.0.1');
  const talks = setInterval(() => say(here), 100);
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  assert.equal((await shown(deviceId)).quarantine, null);
  clearInterval(talks);
  moved.open.terminate();
  const there = await socket(made.token, '127.0.0.2');
  const both = setInterval(() => {
    for (const one of [here, there]) if (one.open.readyState === WebSocket.OPEN) say(one);
  }, 100);
  const { quarantine } = await quarantined(deviceId);
  assert.match(quarantine?.reason ?? '', /two network addresses/);
  assert.deepEqual(await Promise.all([here.closed, there.closed]), ['DEVICE_QUARANTINED', 'DEVICE_QUARANTINED']);
  clearInterval(both);
  assert.equal(await ask(made.token), 'DEVICE_QUARANTINED');
  const released = await muster.call<DeviceCredentials>('POST', `/api/devices/${deviceId}/credentials/release`);
  assert.equal(released.quarantine, null);
  const back = await socket(made.token, '127.0.0.1');
  // longer than two looks at what ended
  await Promise.race([back.closed.then(assert.fail), new Promise((resolve) => setTimeout(resolve, 4_500))]);
  assert.equal(await ask(made.token), 'ok');
  back.open.close();
});

test('connections that throw each other out shut it out too; a new token carried by hand lets the right one in', async () => {
  await policy('quarantine');
  const made = await make('Fights');
  const { deviceId } = made.device;
  await fight(made.token, 7);
  await quarantined(deviceId);
  assert.equal(await ask(made.token), 'DEVICE_QUARANTINED');
  const rotate = (body: object) =>
    muster.call<RotateReply>('POST', `/api/devices/${deviceId}/credentials/rotate`, body);
  await assert.rejects(rotate({}), { code: 'CONFLICT' });
  const { token } = await rotate({ deliver: 'person' });
  assert.equal(await ask(token ?? ''), 'ok');
  assert.equal(await ask(made.token), 'DEVICE_TOKEN_INVALID');
});

test('a stranger who knocks with the hardware id of a board is told, and shuts nobody out', async () => {
  await policy('quarantine');
  const hardwareId = '02:00:00:00:07:01';
  const clientId = crypto.randomUUID();
  let deviceId = '';
  const board = createXiaozhiDevice({ otaUrl: muster.otaUrl, hardwareId, clientId });
  await board.activateWith(async (code) => {
    deviceId = await muster.activate(code);
  });
  const knock = (client: string) =>
    fetch(muster.otaUrl, {
      method: 'POST',
      headers: { 'device-id': hardwareId, 'client-id': client, 'content-type': 'application/json' },
      body: '{}',
    });
  await knock(crypto.randomUUID());
  await knock(clientId);
  await alerted(deviceId);
  assert.equal((await shown(deviceId)).quarantine, null);
  await board.connect();
  board.close();
});
