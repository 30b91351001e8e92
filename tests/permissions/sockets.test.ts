import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Command, type DeviceCreated, LIVE_PATH, LIVE_TOPICS, type LiveKind, ROLES } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { connectLightMqtt, type LightMqtt } from '@muster/testkit';
import { type Action, permissionOf } from '../../packages/server/src/accounts/permissions.ts';
import { openViewer } from '../../packages/server/src/gateway/live/live.fixture.ts';

/** What is no route: every topic of the live feed as everybody, and every scope of MQTT. */
let muster: TestServer;
let device: DeviceCreated;
let other: DeviceCreated;
let foreign: DeviceCreated;
let commandId: string;
/** Tokens of people by what they are. */
const people = new Map<string, string>();

before(async () => {
  muster = await startTestServer({ flags: ['--accounts.secondFactor.owner=false'] });
  const { siteId } = muster;
  const make = (at: string) => muster.call<DeviceCreated>('POST', '/api/devices', { siteId: at, name: randomUUID() });
  const elsewhere = await muster.call<{ siteId: string }>('POST', '/api/sites', { name: 'Elsewhere' });
  device = await make(siteId);
  other = await make(siteId);
  foreign = await make(elsewhere.siteId);
  const path = `/api/devices/${device.device.deviceId}/commands`;
  commandId = (await muster.call<Command>('POST', path, { name: 'x' })).commandId;
  for (const role of [...ROLES, 'support', 'administrator'] as const)
    people.set(role, (await muster.person(role)).token);
  people.set('owner elsewhere', (await muster.person('owner', elsewhere.siteId)).token);
  people.set('of no site', (await muster.person(null)).token);
});
after(() => muster?.stop());

/** What reading the same over HTTP needs: the table once more, by hand. */
const ACTIONS: Readonly<Record<LiveKind, Action>> = {
  telemetry: 'telemetry.read',
  twin: 'twin.read',
  commands: 'command.read',
  events: 'telemetry.read',
  presence: 'device.read',
  alerts: 'alert.read',
  siteCommands: 'command.read',
  command: 'command.read',
};

function expected(who: string, action: Action): string {
  const row = permissionOf(action);
  if (who === 'administrator' || (who === 'support' && row.support === true)) return 'snapshot';
  if (Array.isArray(row.who) && row.who.includes(who)) return 'snapshot';
  return who === 'owner elsewhere' || who === 'of no site' ? 'NOT_FOUND' : 'FORBIDDEN';
}

test('every topic of the live feed is for those whom the table lets read the same, and hidden from others', async () => {
  let asked = 0;
  for (const [who, token] of people) {
    const viewer = await openViewer(muster.url.replace('http:', 'ws:') + LIVE_PATH, token);
    for (const [kind, { topic }] of Object.entries(LIVE_TOPICS) as [LiveKind, { topic: string }][]) {
      const id = topic.startsWith('site')
        ? muster.siteId
        : topic.startsWith('device')
          ? device.device.deviceId
          : commandId;
      const name = topic.replace('{id}', id);
      viewer.send({ type: 'subscribe', topic: name });
      const frame = await viewer.next((one) => 'topic' in one && one.topic === name);
      const said = frame.type === 'error' ? frame.code : frame.type;
      assert.equal(said, expected(who, ACTIONS[kind]), `${who}: ${name}`);
      asked += 1;
    }
    viewer.end();
  }
  assert.equal(asked, people.size * Object.keys(LIVE_TOPICS).length);
});

const mqtt = (username: string, password: string, onMessage?: (topic: string) => void): Promise<LightMqtt> =>
  connectLightMqtt({
    host: '127.0.0.1',
    port: muster.server.mqtt.port ?? 0,
    username,
    password,
    ...(onMessage === undefined ? {} : { onMessage }),
  });
const WORDS = JSON.stringify({ values: { temperature: 20 } });

test('a device speaks and listens on its own topics of MQTT, and on nobody else’s', async () => {
  const heard: string[] = [];
  const mine = device.device.deviceId;
  const client = await mqtt('me', device.token, (topic) => heard.push(topic));
  await client.publish(`devices/${mine}/telemetry`, WORDS);
  for (const target of [other, foreign]) {
    const theirs = target.device.deviceId;
    const filters = ['telemetry', 'commands', 'twin/delta', '#'].map((rest) => `devices/${theirs}/${rest}`);
    for (const filter of [...filters, 'devices/+/telemetry', '#', '$SYS/#', `+/${theirs}/telemetry`]) {
      await assert.rejects(client.subscribe([filter], 1), filter);
    }
  }
  client.drop();
  // what is published elsewhere ends the connection, or is refused; it is nobody's measurement
  for (const target of [other, foreign]) {
    const speaker = await mqtt('me', device.token);
    await speaker.publish(`devices/${target.device.deviceId}/telemetry`, WORDS).catch(() => undefined);
    speaker.drop();
    const path = `/api/devices/${target.device.deviceId}/telemetry/latest`;
    assert.deepEqual((await muster.call<{ latest: unknown[] }>('GET', path)).latest, []);
  }
  assert.deepEqual(heard, []);
});

test('a key hears of MQTT what its topics name, at its own site, and speaks nowhere', async () => {
  const { siteId } = muster;
  const { secret } = await muster.call<{ secret: string }>('POST', '/api/api-keys', {
    siteId,
    name: 'Listens',
    maySubscribe: ['devices/+/telemetry'],
  });
  const heard: string[] = [];
  const client = await mqtt('key', secret, (topic) => heard.push(topic));
  await client.subscribe(['devices/+/telemetry'], 1);
  for (const filter of ['#', 'devices/+/commands', 'devices/+/#', '+/+/telemetry', '$SYS/#']) {
    await assert.rejects(client.subscribe([filter], 1), filter);
  }
  for (const { token } of [foreign, other, device]) {
    const speaker = await mqtt('me', token);
    await speaker.publish('devices/me/telemetry', WORDS);
    speaker.drop();
  }
  for (let tries = 0; tries < 100 && heard.length < 2; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  const names = [other, device].map((one) => `devices/${one.device.deviceId}/telemetry`);
  assert.deepEqual(heard.sort(), names.sort(), 'of its own site, and not of the other');
  await client.publish(`devices/${device.device.deviceId}/telemetry`, WORDS).catch(() => undefined);
  client.drop();
  const nothing = await muster.call<{ secret: string }>('POST', '/api/api-keys', {
    siteId,
    name: 'Reads',
    actions: ['device.read'],
  });
  const silent = await mqtt('key', nothing.secret);
  await assert.rejects(silent.subscribe(['devices/+/telemetry'], 1), 'a key without topics hears nothing');
  silent.drop();
});
