import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { type Broker, DEVICES, SITE, startBroker } from './broker.fixture.ts';
import { openRaw, type RawClient } from './raw-client.fixture.ts';

let broker: Broker;
before(async () => {
  broker = await startBroker();
});
after(() => broker.stop());
afterEach(() => {
  broker.published.length = 0;
});

const device = (clientId: string, more: object = {}): Promise<RawClient> =>
  openRaw(broker.port, { clientId, token: 'token-of-one', ...more });
/** A session that is kept, in each version. */
const KEPT = [
  { name: 'MQTT 3.1.1', options: { protocolVersion: 4, clean: false } },
  { name: 'MQTT 5', options: { clean: false, properties: { sessionExpiryInterval: 3_600 } } },
];
const textOf = async (client: RawClient): Promise<string> => (await client.next('publish')).payload.toString();

test('who is refused: wrong token, no token, a version that is none', async () => {
  for (const token of ['wrong', undefined]) {
    const five = await openRaw(broker.port, token === undefined ? {} : { token });
    assert.equal(five.connack.reasonCode, 0x86);
    await five.ended();
    const four = await openRaw(broker.port, { protocolVersion: 4, ...(token === undefined ? {} : { token }) });
    assert.equal(four.connack.returnCode, 4);
    await four.ended();
  }
  const hello = Buffer.from('\u0010\u000e\u0000\u0004MQTT\u0006\u0002\u0000\u003c\u0000\u0002ab', 'latin1');
  const newer = await openRaw(broker.port, { protocolVersion: 4, hello });
  assert.equal(newer.connack.returnCode, 1);
  await newer.ended();
});

test('a client without an id gets one; MQTT 3.1.1 refuses it for a session that is to be kept', async () => {
  const client = await device('');
  assert.match(client.connack.properties?.assignedClientIdentifier ?? '', /^auto-[0-9a-f]{24}$/);
  await client.cut();
  const hello = Buffer.from(
    '\u0010\u001f\u0000\u0004MQTT\u0004\u00c0\u0000\u003c\u0000\u0000\u0000\u0003any\u0000\u000ctoken-of-one',
    'latin1',
  );
  const refused = await device('', { protocolVersion: 4, hello });
  assert.equal(refused.connack.returnCode, 2);
  await refused.ended();
});

test('a second connection of the same client takes over; another identity with the same id does not', async () => {
  const first = await device('same');
  const other = await openRaw(broker.port, { clientId: 'same', token: 'token-of-two' });
  await first.ping();
  const second = await device('same');
  assert.equal((await first.next('disconnect')).reasonCode, 0x8e);
  await first.ended();
  await second.ping();
  await other.ping();
  await second.cut();
  await other.cut();
});

test('many connections of one client at once: one is left', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => device('crowd', { clean: false })));
  const [left] = await Promise.all(
    clients.map(async (client) => {
      await Promise.race([client.ended(), client.ping().then(() => client.ping())]).catch(() => undefined);
      return client;
    }),
  );
  assert.ok(left !== undefined);
  assert.equal(clients.filter(({ socket }) => !socket.destroyed).length, 1);
  for (const client of clients) await client.cut();
});

for (const { name, options } of KEPT) {
  test(`${name}: a session that is kept gets QoS 1 and 2 messages of the time without it, also after a restart`, async () => {
    const id = `kept-${name}`;
    const client = await device(id, options);
    assert.equal(client.connack.sessionPresent, false);
    await client.subscribe('devices/me/app/#', 2);
    await client.leave();

    const sender = await device('sender');
    assert.equal(await sender.publish('devices/me/app/a', 'one'), 0);
    sender.send({ cmd: 'publish', topic: 'devices/me/app/b', payload: 'lost', qos: 0, retain: false, dup: false });
    sender.send({
      cmd: 'publish',
      topic: 'devices/me/app/b',
      payload: 'two',
      qos: 2,
      retain: false,
      dup: false,
      messageId: 5,
    });
    await sender.next('pubrec');
    await sender.cut();
    await broker.restart();

    const back = await device(id, options);
    assert.equal(back.connack.sessionPresent, true);
    const first = await back.next('publish');
    assert.deepEqual([first.topic, first.payload.toString(), first.qos], ['devices/me/app/a', 'one', 1]);
    back.send({ cmd: 'puback', messageId: first.messageId ?? 0 });
    const second = await back.next('publish');
    assert.deepEqual([second.payload.toString(), second.qos], ['two', 2]);
    back.send({ cmd: 'pubrec', messageId: second.messageId ?? 0 });
    await back.next('pubrel');
    back.send({ cmd: 'pubcomp', messageId: second.messageId ?? 0 });
    await back.ping();

    // what was acknowledged does not come again, the subscription holds
    await back.cut();
    const again = await device(id, options);
    const other = await device('sender');
    await other.publish('devices/me/app/c', 'three');
    assert.equal(await textOf(again), 'three');
    await again.cut();
    await other.cut();

    const fresh = await device(id, { ...options, clean: true });
    assert.equal(fresh.connack.sessionPresent, false);
    await fresh.ping();
    assert.equal(fresh.seen('publish').length, 0);
    await fresh.leave();
  });
}

test('a message that was sent and not acknowledged comes again, marked, in its order', async () => {
  const client = await device('again', { clean: false, properties: { sessionExpiryInterval: 60 } });
  await client.subscribe('devices/me/app/#', 1);
  const sender = await device('sender');
  for (const text of ['1', '2']) await sender.publish('devices/me/app/a', text);
  assert.equal(await textOf(client), '1');
  assert.equal(await textOf(client), '2');
  await client.cut();
  await sender.publish('devices/me/app/a', '3');
  const back = await device('again', { clean: false, properties: { sessionExpiryInterval: 60 } });
  const got = [await back.next('publish'), await back.next('publish'), await back.next('publish')];
  assert.deepEqual(
    got.map(({ payload, dup }) => [payload.toString(), dup]),
    [
      ['1', true],
      ['2', true],
      ['3', false],
    ],
  );
  await back.cut();
  await sender.cut();
});

test('a session ends when it expires: at once, in time, or as its client said when it left', async () => {
  const present = async (id: string): Promise<boolean> => {
    const client = await device(id, { clean: false });
    const { sessionPresent } = client.connack;
    await client.leave();
    return sessionPresent;
  };
  await (await device('none', { clean: false })).leave();
  assert.equal(await present('none'), false);

  const kept = await device('kept', { clean: false, properties: { sessionExpiryInterval: 600 } });
  assert.equal(kept.connack.properties?.sessionExpiryInterval, 600);
  await kept.leave();
  assert.equal(await present('kept'), true);
  // that connection asked for none
  assert.equal(await present('kept'), false);

  const changed = await device('changed', { clean: false, properties: { sessionExpiryInterval: 600 } });
  changed.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
  await changed.ended();
  assert.equal(await present('changed'), false);
});

test('a queue without a connection keeps the newest messages', async () => {
  const options = { clean: false, properties: { sessionExpiryInterval: 600 } };
  const client = await device('long', options);
  await client.subscribe('devices/me/app/#', 1);
  await client.leave();
  const sender = await openRaw(broker.port, { clientId: 'fast', token: 'token-of-one' });
  const count = 1_150;
  for (let id = 1; id <= count; id++) {
    sender.send({
      cmd: 'publish',
      topic: 'devices/me/app/x',
      payload: `${id}`,
      qos: 1,
      retain: false,
      dup: false,
      messageId: id,
    });
  }
  for (let id = 1; id <= count; id++) await sender.next('puback');
  const back = await device('long', options);
  const got: number[] = [];
  while (got.at(-1) !== count) {
    const { payload, messageId } = await back.next('publish');
    got.push(Number(payload.toString()));
    back.send({ cmd: 'puback', messageId: messageId ?? 0 });
  }
  assert.ok(got.length >= 1_000 && got.length <= 1_100, `${got.length} were kept`);
  assert.deepEqual(
    got,
    Array.from({ length: got.length }, (_, index) => count - got.length + 1 + index),
  );
  await back.cut();
  await sender.cut();
});

test('the last will is published when a client is gone without a word, not when it says goodbye', async () => {
  const watcher = await device('watcher');
  await watcher.subscribe('devices/me/app/will', 1);
  const will = { topic: 'devices/me/app/will', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  await (await device('polite', { will })).leave();
  const wanted = await device('wants-it', { will: { ...will, payload: Buffer.from('asked') } });
  wanted.send({ cmd: 'disconnect', reasonCode: 4 });
  assert.equal(await textOf(watcher), 'asked');
  const rude = await device('rude', { will });
  await rude.cut();
  assert.equal(await textOf(watcher), 'gone');
  assert.equal(watcher.seen('publish').length, 0);
  await watcher.cut();
});

test('a last will goes the way of any message: to the inbox, and not to the topics of others', async () => {
  const will = { payload: Buffer.from('bye'), qos: 1 as const, retain: false };
  await (await device('a', { will: { ...will, topic: `devices/${DEVICES.two}/telemetry` } })).cut();
  await (await device('b', { will: { ...will, topic: 'devices/me/event' } })).cut();
  while (broker.published.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    broker.published.map(({ topic, text }) => [topic, text]),
    [['event', 'bye']],
  );
});

test('a will with a delay is not published when the client is back before', async () => {
  const watcher = await device('watcher');
  await watcher.subscribe('devices/me/app/will');
  const will = {
    topic: 'devices/me/app/will',
    payload: Buffer.from('gone'),
    qos: 0 as const,
    retain: false,
    properties: { willDelayInterval: 1 },
  };
  const options = { will, properties: { sessionExpiryInterval: 60 } };
  await (await device('delayed', options)).cut();
  const back = await device('delayed', { clean: false, properties: { sessionExpiryInterval: 60 } });
  // another, later one is published after its delay: then the first would have been, too
  await (await device('really-gone', { ...options, will: { ...will, payload: Buffer.from('really') } })).cut();
  assert.equal(await textOf(watcher), 'really');
  assert.equal(watcher.seen('publish').length, 0);
  await back.cut();
  await watcher.cut();
});

test('a client that is silent for one and a half keep-alives is closed, and its will is published', async () => {
  const client = await device('silent', { keepalive: 1 });
  assert.equal((await client.next('disconnect')).reasonCode, 0x8d);
  await client.ended();
  const forever = await device('forever', { keepalive: 0 });
  assert.equal(forever.connack.properties?.serverKeepAlive, 1_200);
  await forever.cut();
});

test('a device has so many sessions; the oldest that is away makes room', async () => {
  const two = (clientId: string, more: object = {}) => device(clientId, { token: 'token-of-two', ...more });
  await (await two('away', { clean: false, properties: { sessionExpiryInterval: 600 } })).leave();
  const clients = await Promise.all(Array.from({ length: 8 }, (_, index) => two(`many-${index}`)));
  const ninth = await two('ninth');
  assert.equal(ninth.connack.reasonCode, 0x9f);
  await ninth.ended();
  for (const client of clients) await client.cut();
});

test('a revoked device is closed and its session is gone', async () => {
  const options = { clean: false, properties: { sessionExpiryInterval: 600 } };
  const client = await device('revoked', options);
  broker.gateway.closeDevice(DEVICES.one, 'DEVICE_REVOKED');
  assert.equal((await client.next('disconnect')).reasonCode, 0x87);
  await client.ended();
  const back = await device('revoked', options);
  assert.equal(back.connack.sessionPresent, false);
  await back.leave();
});

test('the server publishes to clients of a device and operators of its site', async () => {
  const client = await device('down');
  await client.subscribe('devices/me/app/#', 1);
  await broker.gateway.publish({ deviceId: DEVICES.one, siteId: SITE }, 'app/x', Buffer.from('hello'), 1);
  assert.equal(await textOf(client), 'hello');
  await client.cut();
});

test('a will whose session ends before its delay is published with the session; a retained one is kept', async () => {
  const watcher = await device('watcher');
  await watcher.subscribe('devices/me/app/will', 1);
  const will = {
    topic: 'devices/me/app/will',
    payload: Buffer.from('gone'),
    qos: 1 as const,
    retain: true,
    properties: { willDelayInterval: 1_000, contentType: 'text/plain', messageExpiryInterval: 100 },
  };
  await (await device('short', { will })).cut();
  const got = await watcher.next('publish');
  assert.deepEqual([got.payload.toString(), got.properties?.contentType, got.retain], ['gone', 'text/plain', false]);
  await watcher.cut();
  const later = await device('later');
  await later.subscribe('devices/me/app/will', 1);
  const kept = await later.next('publish');
  assert.deepEqual([kept.payload.toString(), kept.retain], ['gone', true]);
  await later.publish('devices/me/app/will', '', { retain: true });
  await later.cut();
});

test('a server that stops publishes no wills: nothing happened to its clients', async () => {
  const will = { topic: 'devices/me/event', payload: Buffer.from('gone'), qos: 1 as const, retain: false };
  const client = await device('left-behind', { will });
  await broker.restart();
  await client.ended();
  const back = await device('left-behind');
  await back.ping();
  assert.deepEqual(broker.published, []);
  await back.cut();
});
