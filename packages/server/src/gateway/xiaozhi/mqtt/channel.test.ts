import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { after, before, beforeEach, test } from 'node:test';
import { bug } from '@muster/contract';
import { type Rig, startRig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import type { Channel } from './channel.ts';
import { openSound, sealSound } from './sound-cipher.ts';

let rig: Rig;
const ONE = { deviceId: 'one', siteId: 'site', deviceName: 'One' };

before(async () => {
  rig = await startRig({ config: { transport: 'mqtt', udpPort: 0 } });
  await rig.gateway.listen();
});
after(async () => {
  await rig.gateway.drain(100);
  await rig.stop();
});

/** A device as its MQTT connection and its UDP socket show it: it never subscribes, and speaks first on UDP. */
interface MqttDevice {
  readonly channel: Channel;
  readonly messages: Record<string, unknown>[];
  readonly packets: Buffer[];
  readonly udp: Socket;
  say(message: object): void;
  hello(): Promise<{ session_id: string; udp: { server: string; port: number; key: string; nonce: string } }>;
  sendSound(packet: Uint8Array, sequence?: number, from?: Socket): void;
}

async function connect(): Promise<MqttDevice> {
  const messages: Record<string, unknown>[] = [];
  const packets: Buffer[] = [];
  const udp = createSocket('udp4');
  udp.bind(0, '127.0.0.1');
  await once(udp, 'listening');
  let sent = 0;
  const channel = rig.gateway.openChannel(ONE, {
    address: '127.0.0.1',
    localAddress: '127.0.0.1',
    send(bytes) {
      messages.push(JSON.parse(bytes.toString()));
      return true;
    },
    waitingBytes: () => 0,
  });
  let path: { key: Buffer; nonce: Buffer; port: number } | null = null;
  udp.on('message', (datagram) => {
    if (path !== null) packets.push(openSound(path.key, datagram));
  });
  return {
    channel,
    messages,
    packets,
    udp,
    say: (message) => channel.receive(Buffer.from(JSON.stringify(message))),
    async hello() {
      messages.length = 0;
      channel.receive(Buffer.from(JSON.stringify({ type: 'hello', version: 3, transport: 'udp', features: {} })));
      await until(() => messages.some(({ type }) => type === 'hello'));
      const reply = messages.find(({ type }) => type === 'hello') as Awaited<ReturnType<MqttDevice['hello']>>;
      path = {
        key: Buffer.from(reply.udp.key, 'hex'),
        nonce: Buffer.from(reply.udp.nonce, 'hex'),
        port: reply.udp.port,
      };
      sent = 0;
      return reply;
    },
    sendSound(packet, sequence, from = udp) {
      if (path === null) throw bug('hello first');
      sent = sequence ?? sent + 1;
      from.send(sealSound(path.key, path.nonce, sent, packet), path.port, '127.0.0.1');
    },
  };
}

let device: MqttDevice;
beforeEach(async () => {
  device?.channel.closed();
  device?.udp.close();
  await rig.hangUp();
  device = await connect();
});
after(() => device.udp.close());

test('hello over MQTT gives a way for sound: 16 bytes of key, a nonce that begins with 1', async () => {
  const reply = await device.hello();
  assert.match(reply.udp.key, /^[0-9a-f]{32}$/);
  assert.match(reply.udp.nonce, /^01[0-9a-f]{30}$/);
  assert.equal(reply.udp.server, '127.0.0.1');
  assert.ok(reply.udp.port > 0);
});

test('sound goes both ways, encrypted; what is said before the device sent any waits for it', async () => {
  await device.hello();
  const link = rig.inbox.links.at(-1);
  assert.ok(link !== undefined);
  assert.equal(link.audio(Uint8Array.of(9, 9, 9)), true);
  device.sendSound(Uint8Array.of(1, 2, 3));
  await until(() => rig.inbox.packets.length === 1 && device.packets.length === 1);
  assert.deepEqual([...(rig.inbox.packets[0] ?? [])], [1, 2, 3]);
  assert.deepEqual([...(device.packets[0] ?? [])], [9, 9, 9]);
});

test('old, repeated, foreign and broken datagrams are dropped and counted', async () => {
  const { udp } = await device.hello();
  device.sendSound(Uint8Array.of(1), 5);
  device.sendSound(Uint8Array.of(2), 5);
  device.sendSound(Uint8Array.of(3), 4);
  device.udp.send(Buffer.from('x'), udp.port, '127.0.0.1');
  device.udp.send(Buffer.from(`01000001${'ff'.repeat(12)}00`, 'hex'), udp.port, '127.0.0.1');
  const elsewhere = createSocket('udp4');
  elsewhere.bind(0, '127.0.0.2');
  await once(elsewhere, 'listening');
  device.sendSound(Uint8Array.of(4), 6, elsewhere);
  const dropped = (reason: string) => rig.count('muster_xiaozhi_sound_dropped_total', { reason });
  for (const [reason, least] of [
    ['old', 2],
    ['malformed', 1],
    ['stranger', 1],
    ['foreign', 1],
  ] as const) {
    for (let tries = 0; (await dropped(reason)) < least; tries++) {
      assert.ok(tries < 200, `${reason} was not counted`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  elsewhere.close();
  assert.deepEqual(
    rig.inbox.packets.map((packet) => [...packet]),
    [[1]],
  );
});

test('goodbye ends the conversation and not the connection; the next hello begins another', async () => {
  const first = await device.hello();
  device.say({ type: 'goodbye', session_id: 'another' });
  assert.equal(rig.gateway.connected('one'), true, 'a goodbye of another conversation is no goodbye');
  device.say({ type: 'goodbye', session_id: first.session_id });
  assert.equal(rig.gateway.connected('one'), false);
  assert.equal(rig.gateway.isIdle('one'), true);
  const second = await device.hello();
  assert.notEqual(second.session_id, first.session_id);
  assert.notEqual(second.udp.key, first.udp.key);
});

test('when we end a conversation the device is told goodbye with its name', async () => {
  const { session_id } = await device.hello();
  rig.gateway.closeDevice('one', 'IDLE_TIMEOUT');
  await until(() => device.messages.some(({ type }) => type === 'goodbye'));
  assert.equal(device.messages.find(({ type }) => type === 'goodbye')?.session_id, session_id);
});

test('an idle device is told of a sound, and fetches it once', async () => {
  const told = rig.gateway.notify('one', { text: 'The tea is ready.', sound: Buffer.from('OggS…') });
  await until(() => device.messages.some(({ type }) => type === 'notify'));
  const notify = device.messages.find(({ type }) => type === 'notify');
  assert.deepEqual(notify?.subtitles, [{ start_ms: 0, text: 'The tea is ready.' }]);
  const url = String(notify?.audio_url);
  const reply = await fetch(url);
  assert.equal(reply.headers.get('content-type'), 'audio/ogg');
  assert.equal(await reply.text(), 'OggS…');
  assert.equal(await told, 'fetched');
  assert.equal((await fetch(url)).status, 404, 'the address is used up');
});

test('a device that does not fetch is shown the words; one in conversation is left alone', async () => {
  const told = rig.gateway.notify('one', { text: 'Hello.', sound: Buffer.from('OggS') });
  await until(() => device.messages.some(({ type }) => type === 'notify'));
  rig.clock.advance(20_000);
  assert.equal(await told, 'shown');
  assert.equal(device.messages.find(({ type }) => type === 'alert')?.message, 'Hello.');
  await device.hello();
  assert.equal(await rig.gateway.notify('one', { text: 'Hello.', sound: Buffer.from('OggS') }), 'away');
  device.channel.closed();
  assert.equal(await rig.gateway.notify('one', { text: 'Hello.', sound: Buffer.from('OggS') }), 'away');
});

test('messages that are none do no harm', async () => {
  const before = await rig.count('muster_xiaozhi_faults_total', { code: 'MESSAGE_MALFORMED' });
  for (const bytes of ['', 'x', '[]', '{"type":1}', '\u0000']) device.channel.receive(Buffer.from(bytes));
  device.channel.receive(Buffer.alloc(70_000, 0x20));
  assert.equal(await rig.count('muster_xiaozhi_faults_total', { code: 'MESSAGE_MALFORMED' }), before + 5);
  assert.ok(await device.hello());
});
