import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { MusterError } from '@muster/contract';
import { type Broker, DEVICES, refusal, startBroker } from './broker.fixture.ts';
import { openRaw, type RawClient } from './raw-client.fixture.ts';

let broker: Broker;
before(async () => {
  broker = await startBroker({ bytesPerSecond: 1_000_000_000, messagesPerSecond: 1_000_000 });
});
after(() => broker.stop());
afterEach(() => {
  broker.published.length = 0;
  broker.answer = () => undefined;
});

const device = (more: object = {}): Promise<RawClient> =>
  openRaw(broker.port, { clientId: `raw-${Math.random()}`, token: 'token-of-one', ...more });
const packet = (messageId: number, more: object = {}) =>
  ({
    cmd: 'publish',
    topic: 'devices/me/telemetry',
    payload: `${messageId}`,
    qos: 1,
    retain: false,
    dup: false,
    messageId,
    ...more,
  }) as const;

for (const protocolVersion of [4, 5]) {
  test(`MQTT ${protocolVersion}: each QoS has its acknowledgement`, async () => {
    const client = await device({ protocolVersion });
    client.send(packet(0, { qos: 0 }));
    client.send(packet(1));
    assert.equal((await client.next('puback')).messageId, 1);
    client.send(packet(2, { qos: 2 }));
    assert.equal((await client.next('pubrec')).messageId, 2);
    client.send({ cmd: 'pubrel', messageId: 2 });
    assert.equal((await client.next('pubcomp')).messageId, 2);
    assert.deepEqual(
      broker.published.map(({ topic, text, qos }) => [topic, text, qos]),
      [
        ['telemetry', '0', 0],
        ['telemetry', '1', 1],
        ['telemetry', '2', 2],
      ],
    );
    await client.cut();
  });
}

test('an acknowledgement waits until the message is taken, and they leave in order', async () => {
  const open: (() => void)[] = [];
  broker.answer = () => new Promise((resolve) => open.push(resolve));
  const client = await device();
  for (const id of [1, 2, 3]) client.send(packet(id));
  await client.ping();
  assert.equal(client.seen('puback').length, 0);
  // the third and second are done before the first
  open[2]?.();
  open[1]?.();
  await client.ping();
  assert.equal(client.seen('puback').length, 0);
  open[0]?.();
  const ids = [await client.next('puback'), await client.next('puback'), await client.next('puback')];
  assert.deepEqual(
    ids.map(({ messageId }) => messageId),
    [1, 2, 3],
  );
  await client.cut();
});

test('a QoS 2 message that is sent again is taken once', async () => {
  const client = await device();
  client.send(packet(7, { qos: 2 }));
  await client.next('pubrec');
  client.send(packet(7, { qos: 2, dup: true }));
  await client.next('pubrec');
  assert.equal(broker.published.length, 1);
  client.send({ cmd: 'pubrel', messageId: 7 });
  await client.next('pubcomp');
  // the id is free again
  client.send(packet(7, { qos: 2 }));
  await client.next('pubrec');
  assert.equal(broker.published.length, 2);
  await client.cut();
});

test('MQTT 5: a message that is refused is acknowledged with a reason and a sentence', async () => {
  broker.answer = refusal;
  const client = await device();
  client.send(packet(1));
  const ack = await client.next('puback');
  assert.equal(ack.reasonCode, 0x99);
  assert.equal(ack.properties?.reasonString, 'It is no temperature.');
  client.send(packet(2, { qos: 2 }));
  assert.equal((await client.next('pubrec')).reasonCode, 0x99);

  const quiet = await device({ properties: { requestProblemInformation: false } });
  quiet.send(packet(1));
  assert.equal((await quiet.next('puback')).properties?.reasonString, undefined);
  await client.cut();
  await quiet.cut();
});

test('MQTT 5: a message that can be stored later is not acknowledged as taken', async () => {
  broker.answer = () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE'));
  const client = await device();
  assert.equal(await client.publish('devices/me/telemetry', '1'), 0x80);
  await client.cut();
});

test('MQTT 3.1.1: a refused message is acknowledged, and told on devices/me/refused', async () => {
  broker.answer = refusal;
  const client = await device({ protocolVersion: 4 });
  await client.subscribe('devices/me/refused');
  client.send(packet(1));
  await client.next('puback');
  const { topic, payload } = await client.next('publish');
  assert.equal(topic, 'devices/me/refused');
  assert.deepEqual(JSON.parse(payload.toString()), {
    topic: 'devices/me/telemetry',
    code: 'MESSAGE_INVALID',
    message: 'It is no temperature.',
  });
  await client.cut();
});

test('MQTT 3.1.1: a message that can be stored later is not acknowledged; the client sends it again', async () => {
  broker.answer = () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE'));
  const client = await device({ protocolVersion: 4 });
  client.send(packet(1));
  await client.ended();
  assert.equal(client.seen('puback').length, 0);
});

test("another device's topics, and topics of nobody, are refused", async () => {
  const client = await device();
  for (const topic of [
    `devices/${DEVICES.two}/telemetry`,
    `devices/${DEVICES.one}x/telemetry`,
    `devices/${DEVICES.two}/app/x`,
    'anything',
    '$SYS/broker',
    'v1/devices/other/telemetry',
    'devices/me',
  ]) {
    assert.equal(await client.publish(topic, 'x'), 0x87, topic);
  }
  assert.equal(await client.publish('devices/me/#', 'x'), 0x90);
  assert.equal(await client.publish('devices/me/telemetry', 'x', { retain: true }), 0x87);
  assert.deepEqual(broker.published, []);
  // its own, under each name
  assert.equal(await client.publish(`devices/${DEVICES.one}/telemetry`, 'a'), 0);
  assert.equal(await client.publish('v1/devices/me/telemetry', 'b'), 0);
  assert.deepEqual(
    broker.published.map(({ topic }) => topic),
    ['telemetry', 'v1/devices/me/telemetry'],
  );
  await client.cut();
});

test('a topic alias stands for its topic', async () => {
  const client = await device();
  assert.equal(client.connack.properties?.topicAliasMaximum, 16);
  await client.publish('devices/me/telemetry', 'a', { properties: { topicAlias: 3 } });
  await client.publish('', 'b', { properties: { topicAlias: 3 } });
  assert.deepEqual(
    broker.published.map(({ topic, text }) => [topic, text]),
    [
      ['telemetry', 'a'],
      ['telemetry', 'b'],
    ],
  );
  client.send(packet(9, { topic: '', properties: { topicAlias: 4 } }));
  assert.equal((await client.next('disconnect')).reasonCode, 0x82);
  await client.ended();

  const greedy = await device();
  greedy.send(packet(9, { properties: { topicAlias: 17 } }));
  assert.equal((await greedy.next('disconnect')).reasonCode, 0x94);
  await greedy.ended();
});

test('response topic, correlation data and user properties reach who subscribed', async () => {
  const watcher = await device();
  await watcher.subscribe('devices/me/app/#', 1);
  const client = await device();
  const properties = {
    responseTopic: 'devices/me/app/answer',
    correlationData: Buffer.from([0, 255, 1]),
    contentType: 'text/plain',
    userProperties: { a: ['1', '2'] },
  };
  await client.publish('devices/me/app/ask', '?', { properties });
  const got = await watcher.next('publish');
  assert.equal(got.properties?.responseTopic, 'devices/me/app/answer');
  assert.deepEqual(got.properties?.correlationData, properties.correlationData);
  assert.equal(got.properties?.contentType, 'text/plain');
  assert.deepEqual({ ...got.properties?.userProperties }, { a: ['1', '2'] });
  await client.cut();
  await watcher.cut();
});

test('a packet larger than the limit ends the connection, one of the limit does not', async () => {
  const client = await device();
  const most = client.connack.properties?.maximumPacketSize ?? 0;
  assert.equal(most, 65_536 + 4_096);
  await client.publish('devices/me/telemetry', 'x'.repeat(65_536));
  assert.equal(broker.published[0]?.text.length, 65_536);
  client.send(packet(1, { payload: 'x'.repeat(most) }));
  assert.equal((await client.next('disconnect')).reasonCode, 0x95);
  await client.ended();
});

test('no more messages wait for their acknowledgement than the limit: the socket is not read', async () => {
  const open: (() => void)[] = [];
  broker.answer = () => new Promise((resolve) => open.push(resolve));
  const client = await device();
  const most = client.connack.properties?.receiveMaximum ?? 0;
  assert.equal(most, 256);
  const payload = 'x'.repeat(20_000);
  for (let id = 1; id <= 2 * most; id++) client.send(packet(id, { payload }));
  while (open.length < most) await new Promise((resolve) => setImmediate(resolve));
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
  // what was read with the last one is dealt with too
  assert.ok(open.length < most + 10, `${open.length} are under way`);
  while (open.length > 0 || broker.published.length < 2 * most) {
    for (const finish of open.splice(0)) finish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  for (let id = 1; id <= 2 * most; id++) assert.equal((await client.next('puback')).messageId, id);
  await client.cut();
});

test('an acknowledgement without a packet id, or with the id 0, ends its connection and no other', async () => {
  const bystander = await device();
  for (const version of [4, 5]) {
    for (const type of [0x40, 0x50, 0x62, 0x70]) {
      for (const body of [[], [0, 0]]) {
        const client = await device({ protocolVersion: version });
        client.send(Buffer.from([type, body.length, ...body]));
        await client.ended();
      }
    }
  }
  await bystander.ping();
  await bystander.cut();
});

test('MQTT 5: a property that may come once and comes twice is a fault', async () => {
  const client = await device();
  const responseTopic = Buffer.from('\u0008\u0000\u0001a', 'latin1');
  const topic = Buffer.from('\u0000\u0014devices/me/telemetry', 'latin1');
  const body = Buffer.concat([topic, Buffer.from([8]), responseTopic, responseTopic]);
  client.send(Buffer.concat([Buffer.from([0x30, body.length]), body]));
  assert.equal((await client.next('disconnect')).reasonCode, 0x81);
  await client.ended();
});
