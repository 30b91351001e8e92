import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { MusterError } from '@muster/contract';
import { type Rig, startRig } from './rig/rig.ts';
import { SILENT_CONVERSATION } from './rig/scripted-inbox.ts';
import { until } from './rig/until.ts';

const log: string[] = [];
let rig: Rig;
let open: Rig['inbox']['open'];
before(async () => {
  rig = await startRig({ log });
  open = rig.inbox.open;
});
after(() => rig.stop());
beforeEach(async () => {
  rig.inbox.open = open;
  await rig.hangUp();
  log.length = 0;
});

const faults = (code: string): Promise<number> => rig.count('muster_xiaozhi_faults_total', { code });

test('an audio frame over the limit closes with FRAME_TOO_LARGE, told, counted and logged', async () => {
  const device = await rig.talk();
  const bystander = await rig.talk('two');
  device.socket.send(Buffer.alloc(8_193));
  assert.deepEqual(await device.closed, { code: 1009, reason: 'FRAME_TOO_LARGE' });
  assert.equal(device.messages.at(-1)?.status, 'FRAME_TOO_LARGE');
  assert.equal(await faults('FRAME_TOO_LARGE'), 1);
  assert.ok(log.some((line) => line.includes('FRAME_TOO_LARGE') && line.includes('"deviceId":"one"')));
  assert.ok(rig.gateway.connected('two'));
  bystander.send({ type: 'listen', state: 'stop' });
  await until(() => rig.inbox.told.includes('stop'));
});

test('a text frame over 64 KiB closes with 1009 before it is kept', async () => {
  const device = await rig.talk();
  device.send(JSON.stringify({ type: 'x'.repeat(70_000) }));
  assert.equal((await device.closed).code, 1009);
  await until(() => !rig.gateway.connected('one'));
});

test('text that is not UTF-8 closes the connection and is counted', async () => {
  const before = await faults('MESSAGE_MALFORMED');
  const device = await rig.talk();
  device.socket.send(Buffer.from([0xff, 0xfe, 0xfd]), { binary: false });
  assert.equal((await device.closed).code, 1007);
  assert.equal(await faults('MESSAGE_MALFORMED'), before + 1);
});

test('headers that lie are told once, and the twentieth closes', async () => {
  const device = await rig.talk('one', { headers: { 'Protocol-Version': '3' } });
  for (let lie = 0; lie < 19; lie++) device.socket.send(Buffer.from('0000ffff580102', 'hex'));
  device.socket.send(Buffer.from('0000000158', 'hex'));
  await until(() => rig.inbox.packets.length === 1);
  await device.next('alert');
  assert.deepEqual(
    device.messages.map(({ status }) => status),
    [undefined, 'FRAME_MALFORMED'],
  );
  device.socket.send(Buffer.from('00'.repeat(3), 'hex'));
  assert.deepEqual(await device.closed, { code: 1008, reason: 'FRAME_MALFORMED' });
});

test('JSON bombs and other nonsense are told once, and the twentieth closes', async () => {
  const device = await rig.talk();
  const nonsense = ['[', '{}', '[]', 'null', '7', '{"type":7}', '{"type":null}', `{"type":${'['.repeat(30_000)}`];
  for (const text of nonsense) device.send(text);
  device.send({ type: 'listen', state: 'stop' });
  await until(() => rig.inbox.told.includes('stop'));
  device.send({ type: 'ping' });
  await device.next('pong');
  assert.equal(device.messages.filter(({ status }) => status === 'MESSAGE_MALFORMED').length, 1);
  for (let more = nonsense.length; more < 20; more++) device.send('{');
  assert.deepEqual(await device.closed, { code: 1008, reason: 'MESSAGE_MALFORMED' });
});

test('more than 120 frames a second over 5 s close with MESSAGE_RATE', async () => {
  const device = await rig.talk();
  for (let frame = 0; frame < 590; frame++) device.socket.send(Buffer.from([0x58]));
  await until(() => rig.inbox.packets.length === 590);
  rig.clock.advance(1_000);
  for (let frame = 0; frame < 200; frame++) device.socket.send(Buffer.from([0x58]));
  assert.deepEqual(await device.closed, { code: 1008, reason: 'MESSAGE_RATE' });
  assert.ok(rig.inbox.packets.length > 700 && rig.inbox.packets.length < 730, String(rig.inbox.packets.length));
});

test('a device that reads too slowly is told to come back, and is not waited for', async () => {
  const device = await rig.talk();
  device.socket.pause();
  let sent = 0;
  while (device.link.audio(Buffer.alloc(7_650)) && sent < 20_000) sent++;
  assert.ok(sent < 20_000, 'the queue has a bound');
  assert.ok(!rig.gateway.connected('one'));
  assert.equal(device.link.audio(Buffer.alloc(10)), false);
  assert.deepEqual(rig.inbox.ended, [{ deviceId: 'one', code: 'DEVICE_SLOW' }]);
  rig.clock.advance(250);
  device.socket.resume();
  assert.equal(await rig.count('muster_xiaozhi_closes_total', { code: 'DEVICE_SLOW' }), 1);
});

test('the newer of two sockets of a device wins', async () => {
  const older = await rig.talk();
  const newer = await rig.talk();
  assert.deepEqual(await older.closed, { code: 1008, reason: 'SESSION_REPLACED' });
  assert.equal(rig.gateway.connectionCount(), 1);
  assert.notEqual(older.link.sessionId, newer.link.sessionId);
  assert.equal(rig.gateway.link('one')?.sessionId, newer.link.sessionId);
  assert.deepEqual(rig.inbox.ended, [], 'the device never went away');
  assert.deepEqual(rig.inbox.told, ['close']);
});

test('a revoked device hears why, and its conversation ends', async () => {
  const device = await rig.talk();
  rig.gateway.closeDevice('one', 'DEVICE_REVOKED');
  assert.deepEqual(await device.closed, { code: 1008, reason: 'DEVICE_REVOKED' });
  assert.equal(device.messages.at(-1)?.status, 'DEVICE_REVOKED');
  assert.deepEqual(rig.inbox.told, ['close']);
  assert.deepEqual(rig.inbox.ended, [{ deviceId: 'one', code: 'DEVICE_REVOKED' }]);
});

test('frames before hello go nowhere, and a second hello is only answered', async () => {
  const device = await rig.connect();
  device.socket.send(Buffer.from([0x58]));
  device.send({ type: 'listen', state: 'stop' });
  device.send({ type: 'hello' });
  const first = await device.next('hello');
  device.send({ type: 'hello' });
  assert.deepEqual(await device.next('hello'), first);
  assert.deepEqual(rig.inbox.told, []);
  assert.equal(rig.inbox.links.at(-1)?.sessionId, first.session_id);
});

test('a conversation that cannot be opened closes with its code', async () => {
  rig.inbox.open = () => Promise.reject(new MusterError('DATABASE_UNAVAILABLE'));
  const device = await rig.connect();
  device.send({ type: 'hello' });
  assert.deepEqual(await device.closed, { code: 1013, reason: 'DATABASE_UNAVAILABLE' });
  assert.ok(!device.messages.some(({ type }) => type === 'hello'));
});

test('a conversation that opens too late is closed again', async () => {
  const late = Promise.withResolvers<typeof SILENT_CONVERSATION>();
  rig.inbox.open = () => late.promise;
  const device = await rig.connect();
  let asked = false;
  rig.inbox.open = () => {
    asked = true;
    return late.promise;
  };
  device.send({ type: 'hello' });
  await until(() => asked);
  rig.clock.advance(10_000);
  assert.deepEqual(await device.closed, { code: 1013, reason: 'UNAVAILABLE' });
  late.resolve({ ...SILENT_CONVERSATION, close: () => void rig.inbox.told.push('closed late') });
  await turn();
  assert.deepEqual(rig.inbox.told, ['closed late']);
});

test('a conversation that throws costs its own device the connection, nobody else', async () => {
  rig.inbox.extra = {
    listenStop() {
      throw new TypeError('a mistake');
    },
    close() {
      throw new TypeError('another');
    },
  };
  const device = await rig.talk();
  const bystander = await rig.talk('two');
  device.send({ type: 'listen', state: 'stop' });
  assert.deepEqual(await device.closed, { code: 1011, reason: 'INTERNAL' });
  bystander.send({ type: 'ping' });
  await bystander.next('pong');
});

test('words in excess of the limit are cut from typed text', async () => {
  const device = await rig.talk();
  device.send({ type: 'listen', state: 'detect', text: 'a'.repeat(5_000) });
  await until(() => rig.inbox.told.length === 1);
  assert.equal(rig.inbox.told[0]?.length, 'detect '.length + 4_000);
});

test('no word of a person and no token stands in the log', async () => {
  const device = await rig.talk();
  device.link.heard('my secret plan');
  device.link.sentence('what a plan');
  device.send({ type: 'listen', state: 'detect', text: 'my secret plan' });
  device.send('{"type":"listen","text":"my secret plan"');
  await device.next('alert');
  rig.gateway.closeDevice('one', 'DEVICE_REVOKED');
  await device.closed;
  assert.ok(log.length > 2);
  assert.ok(!/plan|token-of/.test(log.join('')));
});

test('traffic is counted', async () => {
  const count = (direction: string, kind: string) => rig.count('muster_xiaozhi_bytes_total', { direction, kind });
  const before = [await count('in', 'audio'), await count('out', 'audio')];
  const device = await rig.talk();
  device.socket.send(Buffer.alloc(100));
  device.link.audio(Buffer.alloc(180));
  await until(() => rig.inbox.packets.length === 1);
  assert.deepEqual(
    [await count('in', 'audio'), await count('out', 'audio')],
    [(before[0] ?? 0) + 100, (before[1] ?? 0) + 180],
  );
  assert.equal(await rig.count('muster_xiaozhi_sessions', {}), 1);
});

test('after thousands of frames and many connections nothing is kept', async () => {
  for (let cycle = 0; cycle < 100; cycle++) {
    const device = await rig.talk(`cycle-${cycle}`);
    device.socket.terminate();
  }
  await until(() => rig.gateway.connectionCount() === 0);
  assert.equal(rig.clock.waiting(), 0, 'no timer outlives its session');
  assert.equal(await rig.count('muster_xiaozhi_sessions', {}), 0);
});
