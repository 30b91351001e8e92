import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, afterEach, before, test } from 'node:test';
import { MusterError } from '@muster/contract';
import { generate } from 'mqtt-packet';
import { type Broker, DEVICES, KEY, startBroker } from './broker.fixture.ts';
import { openRaw, type RawClient } from './raw-client.fixture.ts';
import { createPacketReader } from './wire/packet-reader.ts';

let broker: Broker;
const open: RawClient[] = [];
before(async () => {
  broker = await startBroker({ bytesPerSecond: 1_000_000_000, messagesPerSecond: 1_000_000 });
});
after(() => broker.stop());
afterEach(async () => {
  for (const client of open.splice(0)) await client.cut();
  broker.published.length = 0;
  broker.answer = () => undefined;
});

async function device(more: object = {}): Promise<RawClient> {
  const client = await openRaw(broker.port, { clientId: `raw-${Math.random()}`, token: 'token-of-one', ...more });
  open.push(client);
  return client;
}

const message = (messageId: number, more: object = {}) =>
  ({
    cmd: 'publish',
    topic: 'devices/me/telemetry',
    payload: `${messageId}`,
    qos: 2,
    retain: false,
    dup: false,
    messageId,
    ...more,
  }) as const;

test('a QoS 2 message that comes again over a new connection is acknowledged when it is stored, not before', async () => {
  const kept = { protocolVersion: 4 as const, clean: false, clientId: 'comes-again' };
  const stored = Promise.withResolvers<void>();
  broker.answer = () => stored.promise;
  const first = await device(kept);
  first.send(message(7));
  await first.ping();
  await first.cut();
  const second = await device(kept);
  assert.equal(second.connack.sessionPresent, true);
  second.send(message(7, { dup: true }));
  await second.ping();
  assert.equal(second.seen('pubrec').length, 0);
  stored.resolve();
  assert.equal((await second.next('pubrec')).messageId, 7);
  assert.equal(broker.published.length, 1);
});

test('a QoS 2 message that could not be stored is taken when it comes again', async () => {
  const kept = { protocolVersion: 4 as const, clean: false, clientId: 'was-not-stored' };
  broker.answer = () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE'));
  const first = await device(kept);
  first.send(message(7));
  await first.ended();
  broker.answer = () => undefined;
  const second = await device(kept);
  second.send(message(7, { dup: true }));
  assert.equal((await second.next('pubrec')).messageId, 7);
  assert.equal(broker.published.length, 2);
});

test('one SUBSCRIBE with the same filter many times brings what is retained once', async () => {
  const client = await device();
  assert.equal(await client.publish('devices/me/app/kept', 'x', { retain: true }), 0);
  const subscriptions = Array.from({ length: 500 }, () => ({ topic: 'devices/me/app/#', qos: 0 as const }));
  client.send({ cmd: 'subscribe', messageId: 900, subscriptions });
  assert.equal((await client.next('suback')).granted.length, 500);
  // answered after whatever the first one brings
  await client.subscribe('devices/me/none');
  assert.equal(client.seen('publish').length, 1);
  assert.equal(await client.publish('devices/me/app/kept', '', { retain: true }), 0);
});

test('the last will of a device that was revoked is void', async () => {
  const client = await device({
    will: { topic: 'devices/me/telemetry', payload: Buffer.from('{}'), qos: 0, retain: false },
  });
  broker.gateway.closeDevice(DEVICES.one, 'DEVICE_REVOKED');
  await client.ended();
  assert.deepEqual(broker.published, []);
});

test('a text with NUL in the properties of a message is refused, and holds nobody else back', async () => {
  const listener = await device({
    clientId: 'listener',
    clean: true,
    properties: { sessionExpiryInterval: 60 },
  });
  assert.equal(await listener.subscribe('devices/me/app/#', 1), 1);
  const hostile = await device();
  const other = await device();
  const [refused, taken] = await Promise.all([
    hostile.publish('devices/me/app/x', 'bad', { properties: { userProperties: { a: '\u0000' } } }).catch(() => -1),
    other.publish('devices/me/app/x', 'good'),
  ]);
  assert.equal(taken, 0);
  assert.notEqual(refused, 0);
  assert.equal((await listener.next('publish')).payload.toString(), 'good');
});

for (const [what, clientId] of [
  ['longer than an index takes', randomBytes(20_000).toString('hex')],
  ['with NUL', 'a\u0000b'],
] as const) {
  test(`a client id ${what} is refused with its own reason`, async () => {
    const client = await device({ clientId, properties: { sessionExpiryInterval: 60 } });
    assert.equal(client.connack.reasonCode, 0x85);
  });
}

test('wills that wait are no more than sessions: one whose session makes room for another is published', async () => {
  const will = {
    topic: 'devices/me/telemetry',
    payload: Buffer.from('{}'),
    qos: 0 as const,
    retain: false,
    properties: { willDelayInterval: 100_000 },
  };
  for (let nth = 0; nth < 12; nth++) {
    const client = await device({ will, clientId: `waits-${nth}`, properties: { sessionExpiryInterval: 100_000 } });
    await client.cut();
  }
  await (await device()).ping();
  assert.ok(broker.published.length >= 4);
  broker.gateway.closeDevice(DEVICES.one, 'DEVICE_REVOKED');
});

test('a client that ends its session as it leaves, but wants its will, has it published then', async () => {
  const will = {
    topic: 'devices/me/telemetry',
    payload: Buffer.from('{}'),
    qos: 0 as const,
    retain: false,
    properties: { willDelayInterval: 100_000 },
  };
  const client = await device({ will, properties: { sessionExpiryInterval: 100_000 } });
  client.send({ cmd: 'disconnect', reasonCode: 4, properties: { sessionExpiryInterval: 0 } });
  await client.ended();
  await (await device()).ping();
  assert.equal(broker.published.length, 1);
});

test('connections that say nothing keep no device out', async () => {
  const small = await startBroker({ maxConnections: 3 });
  try {
    const silent = [1, 2, 3].map(() => connect({ port: small.port, host: '127.0.0.1' }));
    try {
      await Promise.all(silent.map((socket) => once(socket, 'connect')));
      const client = await openRaw(small.port, { token: 'token-of-one' });
      await client.ping();
      await client.cut();
    } finally {
      for (const socket of silent) socket.destroy();
    }
  } finally {
    await small.stop();
  }
});

test('a packet that comes byte by byte is not copied for each of them', (t) => {
  const packet = Buffer.alloc(60_000, 1);
  packet.set([0x30, 0xdc, 0xd4, 0x03]);
  let copied = 0;
  const { copy } = Buffer.prototype;
  t.mock.method(Buffer.prototype, 'copy', function (this: Buffer, ...args: Parameters<typeof copy>) {
    const bytes = copy.apply(this, args);
    copied += bytes;
    return bytes;
  });
  const { concat } = Buffer;
  t.mock.method(Buffer, 'concat', (list: readonly Uint8Array[]) => {
    const whole = concat(list);
    copied += whole.length;
    return whole;
  });
  const found: number[] = [];
  const reader = createPacketReader(70_000);
  for (const byte of packet) {
    assert.equal(
      reader.push(Buffer.from([byte]), ({ length }) => found.push(length) > 0),
      'ok',
    );
  }
  assert.deepEqual(found, [60_000]);
  assert.ok(copied < 4 * packet.length, `${copied} bytes were copied`);
});

test('a key that is too old, or was deleted without a word on the bus, ends its connections', async () => {
  const mine = await startBroker();
  try {
    const key = { username: 'key', password: Buffer.from('the-key') };
    const client = await openRaw(mine.port, key);
    try {
      const closed = once(client.socket, 'close', { signal: AbortSignal.timeout(20_000) });
      await mine.pool.query('UPDATE api_keys SET expires_at = 1 WHERE key_id = $1', [KEY]);
      await closed;
    } finally {
      await client.cut();
    }
  } finally {
    await mine.stop();
  }
});

test('a device that is revoked while it is let in is not let in', async () => {
  broker.lookedUp = async () => broker.gateway.closeDevice(DEVICES.two, 'DEVICE_REVOKED');
  try {
    const client = await device({ token: 'token-of-two' });
    assert.notEqual(client.connack.reasonCode, 0);
  } finally {
    broker.lookedUp = async () => undefined;
  }
});

test('saying again and again that a message came counts against the rate', async () => {
  const slow = await startBroker({ messagesPerSecond: 50 });
  try {
    const client = await openRaw(slow.port, { token: 'token-of-one' });
    try {
      await client.subscribe('devices/me/app/#', 2);
      client.send(message(7, { topic: 'devices/me/app/x' }));
      const { messageId = 0 } = await client.next('publish');
      const again = generate({ cmd: 'pubrec', messageId }, { protocolVersion: 5 });
      client.send(Buffer.concat(Array.from({ length: 4_000 }, () => again)));
      await client.ended();
    } finally {
      await client.cut();
    }
  } finally {
    await slow.stop();
  }
});
