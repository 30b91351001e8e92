import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Broker, DEVICES, startBroker } from './broker.fixture.ts';
import { openRaw, type RawClient } from './raw-client.fixture.ts';

let broker: Broker;
before(async () => {
  broker = await startBroker();
});
after(() => broker.stop());

const open = (token: string) => {
  return (more: object = {}): Promise<RawClient> =>
    openRaw(broker.port, { clientId: `raw-${Math.random()}`, token, ...more });
};
const device = open('token-of-one');
const second = open('token-of-two');
const operator = (more: object = {}): Promise<RawClient> =>
  openRaw(broker.port, {
    clientId: `raw-${Math.random()}`,
    username: 'key',
    password: Buffer.from('the-key'),
    ...more,
  });
const textsOf = (client: RawClient) => client.seen('publish').map(({ payload }) => payload.toString());

test('a device subscribes below its own prefix only, under each of its names', async () => {
  const client = await device();
  for (const filter of [
    'devices/me/#',
    'devices/me/+/x',
    `devices/${DEVICES.one}/app/#`,
    'v1/devices/me/rpc/request/+',
  ]) {
    assert.equal(await client.subscribe(filter, 1), 1, filter);
  }
  for (const filter of [
    '#',
    '+/+/telemetry',
    'devices/#',
    'devices/+/app/x',
    `devices/${DEVICES.two}/app/x`,
    '$SYS/#',
    'v1/devices/#',
  ]) {
    assert.equal(await client.subscribe(filter), 0x87, filter);
  }
  for (const filter of ['devices/me/#/x', 'devices/me/a+', 'devices/me/a#']) {
    assert.equal(await client.subscribe(filter), 0x8f, filter);
  }
  const old = await device({ protocolVersion: 4 });
  assert.equal(await old.subscribe('devices/+/app/x'), 0x80);
  await client.cut();
  await old.cut();
});

test('shared subscriptions are refused, and CONNACK says so', async () => {
  const client = await device();
  assert.equal(client.connack.properties?.sharedSubscriptionAvailable, false);
  assert.equal(await client.subscribe('$share/group/devices/me/app/#'), 0x9e);
  await client.cut();
});

test('messages reach the clients of their device, and nobody else', async () => {
  const [one, also, two] = [await device(), await device(), await second()];
  for (const client of [one, also, two]) await client.subscribe('devices/me/app/#', 1);
  await one.publish('devices/me/app/x', 'mine');
  assert.equal((await one.next('publish')).payload.toString(), 'mine');
  assert.equal((await also.next('publish')).payload.toString(), 'mine');
  await two.ping();
  assert.deepEqual(textsOf(two), []);
  for (const client of [one, also, two]) await client.cut();
});

test('an operator sees its site, within the filters of its key', async () => {
  const client = await operator();
  assert.equal(await client.subscribe('devices/+/app/#', 1), 1);
  assert.equal(await client.subscribe(`devices/${DEVICES.one}/telemetry`, 1), 1);
  for (const filter of ['#', 'devices/#', 'devices/+/event', 'devices/+/+', '$SYS/#', 'v1/devices/me/telemetry']) {
    assert.equal(await client.subscribe(filter), 0x87, filter);
  }
  const elsewhere = await open('token-of-elsewhere')();
  await elsewhere.publish('devices/me/app/x', 'hidden');
  const one = await device();
  await one.publish('devices/me/event', 'hidden');
  await one.publish('devices/me/app/x', 'app');
  await one.publish('devices/me/telemetry', 'telemetry');
  const got = [await client.next('publish'), await client.next('publish')];
  assert.deepEqual(
    got.map(({ topic, payload }) => [topic, payload.toString()]),
    [
      [`devices/${DEVICES.one}/app/x`, 'app'],
      [`devices/${DEVICES.one}/telemetry`, 'telemetry'],
    ],
  );
  assert.deepEqual(textsOf(client), []);

  await one.subscribe('devices/me/app/#', 1);
  assert.equal(await client.publish(`devices/${DEVICES.one}/app/to`, 'down'), 0);
  const down = await one.next('publish');
  assert.deepEqual([down.topic, down.payload.toString()], ['devices/me/app/to', 'down']);
  assert.equal(await client.publish(`devices/${DEVICES.elsewhere}/app/to`, 'x'), 0x87);
  assert.equal(await client.publish(`devices/${DEVICES.one}/telemetry`, 'x'), 0x87);
  assert.equal(await client.publish('devices/me/app/to', 'x'), 0x87);

  broker.gateway.closeKey(client.connack.reasonCode === 0 ? '019a0000-0000-7000-8000-0000000000cc' : '');
  assert.equal((await client.next('disconnect')).reasonCode, 0x87);
  await client.ended();
  await one.cut();
  await elsewhere.cut();
});

test('a message is sent once to a client, at the highest QoS that subscription and message allow', async () => {
  const client = await device();
  await client.subscribe('devices/me/app/#', 0, { properties: { subscriptionIdentifier: 7 } });
  await client.subscribe('devices/me/app/+', 2, { properties: { subscriptionIdentifier: 268_435_455 } });
  await client.publish('devices/me/app/x', 'once');
  const got = await client.next('publish');
  assert.equal(got.qos, 1);
  assert.deepEqual(got.properties?.subscriptionIdentifier, [7, 268_435_455]);
  await client.ping();
  assert.deepEqual(textsOf(client), []);
  // a second subscription with the same filter takes the place of the first
  await client.subscribe('devices/me/app/+', 0);
  await client.publish('devices/me/app/x', 'again');
  const again = await client.next('publish');
  assert.equal(again.qos, 0);
  assert.equal(again.properties?.subscriptionIdentifier, 7);
  client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['devices/me/app/#', 'devices/me/other'] });
  assert.deepEqual((await client.next('unsuback')).granted, [0, 0x11]);
  await client.cut();
});

test('QoS 2 to a client: its release is sent again until it is over', async () => {
  const options = { clientId: 'two', clean: false, properties: { sessionExpiryInterval: 60 } };
  const client = await device(options);
  await client.subscribe('devices/me/app/#', 2);
  const sender = await device();
  sender.send({
    cmd: 'publish',
    topic: 'devices/me/app/x',
    payload: 'x',
    qos: 2,
    retain: false,
    dup: false,
    messageId: 1,
  });
  const { messageId = 0, qos } = await client.next('publish');
  assert.equal(qos, 2);
  client.send({ cmd: 'pubrec', messageId });
  assert.equal((await client.next('pubrel')).messageId, messageId);
  await client.cut();
  const back = await device({ ...options, clean: false });
  assert.equal((await back.next('pubrel')).messageId, messageId);
  back.send({ cmd: 'pubcomp', messageId });
  await back.ping();
  assert.deepEqual(textsOf(back), []);
  back.send({ cmd: 'pubrec', messageId: 999 });
  assert.equal((await back.next('pubrel')).reasonCode, 0x92);
  await back.cut();
  await sender.cut();
});

test('no local: a client does not get what it sent itself', async () => {
  const client = await device();
  const other = await device();
  await client.subscribe('devices/me/app/#', 1, { nl: true });
  await client.publish('devices/me/app/x', 'own');
  await other.publish('devices/me/app/x', 'of the other');
  assert.equal((await client.next('publish')).payload.toString(), 'of the other');
  assert.deepEqual(textsOf(client), []);
  await client.cut();
  await other.cut();
});

test('retained messages: kept, told, replaced, cleared; also after a restart', async () => {
  const sender = await device();
  await sender.publish('devices/me/app/state', 'old', { retain: true });
  await sender.publish('devices/me/app/state', 'on', { retain: true, properties: { contentType: 'text/plain' } });
  await broker.restart();

  const client = await device();
  await client.subscribe('devices/me/app/#', 1);
  const kept = await client.next('publish');
  assert.deepEqual([kept.topic, kept.payload.toString(), kept.retain], ['devices/me/app/state', 'on', true]);
  assert.equal(kept.properties?.contentType, 'text/plain');
  // a live message is not marked, unless the subscription asks for it
  await client.publish('devices/me/app/state', 'off', { retain: true });
  assert.equal((await client.next('publish')).retain, false);
  await client.subscribe('devices/me/app/#', 1, { rap: true, rh: 2 });
  await client.publish('devices/me/app/state', 'dim', { retain: true });
  assert.equal((await client.next('publish')).retain, true);

  const two = await second();
  await two.subscribe('devices/me/app/#');
  await two.ping();
  assert.deepEqual(textsOf(two), []);
  const watcher = await operator();
  await watcher.subscribe('devices/+/app/state');
  assert.equal((await watcher.next('publish')).payload.toString(), 'dim');

  await client.publish('devices/me/app/state', '', { retain: true });
  const late = await device();
  await late.subscribe('devices/me/app/#');
  await late.publish('devices/me/app/x', 'live');
  assert.equal((await late.next('publish')).payload.toString(), 'live');
  for (const one of [client, two, watcher, late]) await one.cut();
});

test('retain handling: always, only for a new subscription, never', async () => {
  const client = await device();
  await client.publish('devices/me/app/kept', 'k', { retain: true });
  const retained = async (rh: 0 | 1 | 2): Promise<number> => {
    await client.subscribe('devices/me/app/kept', 0, { rh });
    // another retained message, which always comes, is the mark of the end
    await client.subscribe('devices/me/app/mark', 0);
    for (let count = 0; ; count++) if ((await client.next('publish')).topic.endsWith('mark')) return count;
  };
  await client.publish('devices/me/app/mark', 'm', { retain: true });
  assert.equal(await retained(1), 1);
  assert.equal(await retained(1), 0);
  assert.equal(await retained(0), 1);
  assert.equal(await retained(2), 0);
  for (const topic of ['kept', 'mark']) await client.publish(`devices/me/app/${topic}`, '', { retain: true });
  await client.cut();
});

test('a device keeps so many retained messages', async () => {
  const client = await second();
  for (let index = 0; index < 100; index++) {
    assert.equal(await client.publish(`devices/me/app/${index}`, 'x', { retain: true }), 0);
  }
  assert.equal(await client.publish('devices/me/app/more', 'x', { retain: true }), 0x97);
  assert.equal(await client.publish('devices/me/app/99', 'y', { retain: true }), 0);
  await client.cut();
});

test('a message that expired is not sent; one that has not says how long it still holds', async () => {
  const options = { clientId: 'expiring', clean: false, properties: { sessionExpiryInterval: 60 } };
  const client = await device(options);
  await client.subscribe('devices/me/app/#', 1);
  await client.leave();
  const sender = await device();
  await sender.publish('devices/me/app/x', 'short', { properties: { messageExpiryInterval: 1 } });
  await sender.publish('devices/me/app/x', 'long', { properties: { messageExpiryInterval: 100 } });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const back = await device(options);
  const got = await back.next('publish');
  assert.equal(got.payload.toString(), 'long');
  assert.ok((got.properties?.messageExpiryInterval ?? 0) <= 99);
  await back.cut();
  await sender.cut();
});

test('receive maximum: no more messages are under way than the client can take', async () => {
  const client = await device({ properties: { receiveMaximum: 2 } });
  await client.subscribe('devices/me/app/#', 1);
  const sender = await device();
  for (const text of ['1', '2', '3']) await sender.publish('devices/me/app/x', text);
  const first = await client.next('publish');
  await client.next('publish');
  await client.ping();
  assert.deepEqual(textsOf(client), []);
  client.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
  assert.equal((await client.next('publish')).payload.toString(), '3');
  await client.cut();
  await sender.cut();
});

test('the largest packet of a client, and the topic aliases that it takes', async () => {
  const client = await device({ properties: { maximumPacketSize: 200, topicAliasMaximum: 1 } });
  await client.subscribe('devices/me/app/#', 1);
  const sender = await device();
  await sender.publish('devices/me/app/x', 'x'.repeat(200));
  await sender.publish('devices/me/app/x', 'a');
  await sender.publish('devices/me/app/x', 'b');
  await sender.publish('devices/me/app/y', 'c');
  const got = [await client.next('publish'), await client.next('publish'), await client.next('publish')];
  assert.deepEqual(
    got.map(({ topic, payload, properties }) => [topic, payload.toString(), properties?.topicAlias]),
    [
      ['devices/me/app/x', 'a', 1],
      ['', 'b', 1],
      ['devices/me/app/y', 'c', undefined],
    ],
  );
  await client.cut();
  await sender.cut();
});

test('a device has so many subscriptions', async () => {
  const client = await device();
  for (let index = 0; index < 32; index++) assert.equal(await client.subscribe(`devices/me/app/${index}`), 0);
  assert.equal(await client.subscribe('devices/me/app/more'), 0x97);
  await client.cut();
});

test('a subscription identifier of 0 is a fault', async () => {
  const client = await device();
  client.send(Buffer.from('\u0082\u0018\u0000\u0001\u0002\u000b\u0000\u0000\u0010devices/me/app/x\u0000', 'latin1'));
  assert.equal((await client.next('disconnect')).reasonCode, 0x82);
  await client.ended();
});

test('the server sends to a client that never subscribed', async () => {
  const client = await device();
  const [known] = broker.opened.slice(-1);
  assert.equal(known?.send('devices/me/anything', Buffer.from('hello')), true);
  assert.equal((await client.next('publish')).payload.toString(), 'hello');
  await client.cut();
});

test('retain as published: the mark stays for who asked for it, and goes for others', async () => {
  const [plain, marked] = [await device(), await device()];
  await plain.subscribe('devices/me/app/rap', 1);
  await marked.subscribe('devices/me/app/rap', 1, { rap: true });
  await plain.publish('devices/me/app/rap', 'x', { retain: true });
  assert.equal((await plain.next('publish')).retain, false);
  assert.equal((await marked.next('publish')).retain, true);
  await plain.publish('devices/me/app/rap', '', { retain: true });
  await plain.cut();
  await marked.cut();
});
