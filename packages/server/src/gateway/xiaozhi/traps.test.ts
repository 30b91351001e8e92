import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { openFirmwareSocket } from './rig/firmware-socket.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { until } from './rig/until.ts';

/** The "twenty things that will break you first" of Xiaozhi devices, as far as the gateway owns them. */

let rig: Rig;
before(async () => {
  rig = await startRig();
});
after(() => rig.stop());
beforeEach(async () => {
  await rig.hangUp();
  rig.inbox.reply = { active: true, deviceId: 'd', token: 'token-of-one', timeZone: null };
});

const FIRMWARE = {
  'Device-Id': 'aa:bb:cc:dd:ee:ff',
  'Client-Id': '11111111-2222-4333-8444-555555555555',
  'Activation-Version': '1',
  'User-Agent': 'bread-compact-wifi/2.4.2',
};

async function boot(): Promise<Record<string, Record<string, unknown>>> {
  const reply = await fetch(rig.otaUrl, { method: 'POST', headers: FIRMWARE, body: '{}' });
  assert.equal(reply.status, 200);
  return (await reply.json()) as Record<string, Record<string, unknown>>;
}

function waiting(): void {
  rig.inbox.reply = { active: false, code: '123456', challenge: 'prove it', message: 'Muster', timeZone: null };
}

test('xiaozhi trap 01: the boot reply has websocket and never mqtt', async () => {
  const active = await boot();
  waiting();
  const offered = await boot();
  for (const reply of [active, offered]) {
    assert.ok('websocket' in reply);
    assert.ok(!('mqtt' in reply));
  }
});

test('xiaozhi trap 02: every boot reply is whole: url, token and version each time', async () => {
  for (const token of ['first', 'second']) {
    rig.inbox.reply = { active: true, deviceId: 'd', token, timeZone: null };
    assert.deepEqual((await boot()).websocket, { url: rig.wsUrl, token, version: 1 });
  }
});

test('xiaozhi trap 03: activation is gone from the reply once the device is active', async () => {
  waiting();
  assert.ok('activation' in (await boot()));
  rig.inbox.reply = { active: true, deviceId: 'd', token: 'token', timeZone: null };
  assert.ok(!('activation' in (await boot())));
});

test('xiaozhi trap 04: a code never goes without its challenge', async () => {
  waiting();
  const { activation } = await boot();
  assert.equal(activation?.code, '123456');
  assert.equal(activation?.challenge, 'prove it');
});

test('xiaozhi trap 05: an empty proof with version 1 is 202 while waiting and 200 once active', async () => {
  const poll = () => fetch(`${rig.otaUrl}activate`, { method: 'POST', headers: FIRMWARE, body: '{}' });
  rig.inbox.poll = 'waiting';
  assert.equal((await poll()).status, 202);
  rig.inbox.poll = 'active';
  assert.equal((await poll()).status, 200);
  rig.inbox.poll = 'refused';
  assert.equal((await poll()).status, 401);
  const last = rig.inbox.polls.at(-1);
  assert.deepEqual([last?.proof, last?.activationVersion], [null, 1]);
});

test('xiaozhi trap 06: the bytes of a firmware handshake are answered with a literal HTTP/1.1 101', async () => {
  const device = await openFirmwareSocket(rig.port);
  assert.ok(device.head.startsWith('HTTP/1.1 101'));
  assert.ok(!/sec-websocket-extensions/i.test(device.head));
  device.send('{"type":"hello"}');
  await until(() => device.received().includes('"transport":"websocket"'));
  device.destroy();
});

test('xiaozhi trap 07: the websocket url has an explicit port and no IPv6 literal', async () => {
  const hosts: [string, string][] = [
    ['muster.example', 'ws://muster.example:80/xiaozhi/v1/'],
    ['192.168.1.2:8000', 'ws://192.168.1.2:8000/xiaozhi/v1/'],
    ['[::1]:8000', `ws://127.0.0.1:${rig.port}/xiaozhi/v1/`],
  ];
  for (const [host, url] of hosts) {
    const reply = await rawPost(host);
    assert.ok(reply.includes(`"url":"${url}"`), `${host}: ${reply}`);
  }
});

test('xiaozhi trap 08: a closed socket is ended without waiting for a close frame', async () => {
  const device = await openFirmwareSocket(rig.port);
  device.send('{"type":"hello"}');
  await until(() => device.received().includes('hello'));
  rig.gateway.closeDevice('02:00:00:00:00:03', 'DEVICE_REVOKED');
  assert.ok(!rig.gateway.connected('02:00:00:00:00:03'));
  await until(() => device.received().includes('DEVICE_REVOKED'));
  assert.ok(!device.ended());
  rig.clock.advance(250);
  await until(device.ended, 'the end of the TCP connection');
});

test('xiaozhi trap 08: a device that drops TCP has hung up, which is no fault', async () => {
  const before = await rig.count('muster_xiaozhi_closes_total', { code: 'HUNG_UP' });
  const device = await rig.talk();
  device.socket.terminate();
  await until(() => !rig.gateway.connected('one'));
  assert.equal(await rig.count('muster_xiaozhi_closes_total', { code: 'HUNG_UP' }), before + 1);
  assert.equal(rig.inbox.told.at(-1), 'close');
});

test('xiaozhi trap 09: a device that never answers a ping stays connected', async () => {
  let pings = 0;
  const device = await rig.talk('one', { client: { autoPong: false } });
  device.socket.on('ping', () => pings++);
  for (let minute = 0; minute < 4; minute++) {
    rig.clock.advance(30_000);
    rig.clock.advance(30_000);
    device.link.speechStart();
    await until(() => pings >= (minute + 1) * 2);
  }
  assert.ok(rig.gateway.connected('one'));
  assert.equal(device.socket.readyState, WebSocket.OPEN);
  device.socket.terminate();
});

test('xiaozhi trap 10: the hello of the server says transport websocket', async () => {
  const device = await rig.connect();
  device.send({ type: 'hello', version: 1, transport: 'websocket' });
  const hello = await device.next('hello');
  assert.equal(hello.transport, 'websocket');
  assert.equal(hello.version, 1);
  assert.equal(typeof hello.session_id, 'string');
  assert.deepEqual(hello.audio_params, { format: 'opus', sample_rate: 24_000, channels: 1, frame_duration: 60 });
});

test('xiaozhi trap 11: tts start leaves when it is said, before the sound that follows', async () => {
  const device = await rig.talk();
  const order: string[] = [];
  device.socket.on('message', (data: Buffer, isBinary) => {
    order.push(isBinary ? 'audio' : String(JSON.parse(data.toString()).state ?? JSON.parse(data.toString()).type));
  });
  device.link.heard('hello');
  device.link.speechStart();
  await until(() => order.length === 2);
  device.link.sentence('Hi.');
  device.link.audio(Buffer.from([1]));
  await until(() => order.length === 4);
  assert.deepEqual(order, ['stt', 'start', 'sentence_start', 'audio']);
});

test('xiaozhi trap 12: frames are neither held back nor sent unasked: pacing has one owner, the turn', async () => {
  const device = await rig.talk();
  for (let burst = 0; burst < 5; burst++) assert.ok(device.link.audio(Buffer.alloc(180, burst)));
  await until(() => device.frames.length === 5);
  rig.clock.advance(600);
  await wait(20);
  assert.equal(device.frames.length, 5);
});

test('xiaozhi trap 13: tts stop never overtakes the sound said before it', async () => {
  const device = await rig.talk();
  const order: string[] = [];
  device.socket.on('message', (_data, isBinary) => order.push(isBinary ? 'audio' : 'text'));
  device.link.audio(Buffer.alloc(180));
  device.link.audio(Buffer.alloc(180));
  device.link.speechStop();
  await until(() => order.length === 3);
  assert.deepEqual(order, ['audio', 'audio', 'text']);
});

test('xiaozhi trap 14: packets of any size pass unchanged, from 1-byte DTX to 2.2 kB of 3 x 20 ms', async () => {
  const device = await rig.talk();
  const packets = [Buffer.from([0x58]), Buffer.from([0x58, 1, 2]), Buffer.alloc(2_200, 0xbb), Buffer.alloc(7_650, 3)];
  for (const packet of packets) device.socket.send(packet);
  await until(() => rig.inbox.packets.length === packets.length);
  assert.deepEqual(rig.inbox.packets, packets);
});

test('xiaozhi trap 15: an empty or foreign session_id changes nothing: the socket is the session', async () => {
  const device = await rig.talk();
  device.send({ session_id: '', type: 'listen', state: 'start', mode: 'realtime' });
  device.send({ session_id: 'of somebody else', type: 'abort' });
  await until(() => rig.inbox.told.length === 2);
  assert.deepEqual(rig.inbox.told, ['listen realtime', 'abort null']);
});

test('xiaozhi trap 16: a hello without audio_params, transport and version is answered', async () => {
  const device = await rig.connect();
  device.send({ type: 'hello', device_id: 'x', device_name: 'web', features: { mcp: false, emoji: false } });
  assert.equal((await device.next('hello')).transport, 'websocket');
});

test('xiaozhi trap 17: a proof is read wrapped in Payload and unwrapped', async () => {
  const proof = { algorithm: 'hmac-sha256', serial_number: 'SN-1', challenge: 'prove it', hmac: 'AB'.repeat(32) };
  for (const body of [proof, { Payload: proof }]) {
    await fetch(`${rig.otaUrl}activate`, { method: 'POST', headers: FIRMWARE, body: JSON.stringify(body) });
    const poll = rig.inbox.polls.at(-1);
    assert.deepEqual(poll?.proof, { serialNumber: 'SN-1', challenge: 'prove it', hmac: 'ab'.repeat(32) });
    assert.equal(poll?.serialNumber, 'SN-1');
  }
});

test('xiaozhi trap 18: Activation-Version is its leading integer', async () => {
  for (const [header, version] of [
    ['2.1.1', 2],
    ['2', 2],
    ['1', 1],
    ['nonsense', 1],
  ] as const) {
    const headers = { ...FIRMWARE, 'Activation-Version': header };
    await fetch(rig.otaUrl, { method: 'POST', headers, body: '{}' });
    assert.equal(rig.inbox.checkIns.at(-1)?.activationVersion, version, header);
  }
});

test('xiaozhi trap 19: MCP requests have numeric ids and jsonrpc 2.0; errors without a code are understood', async () => {
  const device = await rig.talk('one', { hello: { features: { mcp: true } } });
  const initialize = (await device.next('mcp')).payload;
  assert.equal(typeof initialize?.id, 'number');
  assert.deepEqual(
    { ...initialize, params: 0 },
    { jsonrpc: '2.0', id: initialize?.id, method: 'initialize', params: 0 },
  );
  device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id: initialize?.id, result: {} } });
  const list = (await device.next('mcp')).payload;
  const tools = [{ name: 'self.lamp', description: '', inputSchema: {} }];
  device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id: list?.id, result: { tools } } });
  await until(() => device.link.tools().length === 1);
  const call = device.link.callTool('self.lamp', {}, AbortSignal.timeout(2_000));
  const { id } = (await device.next('mcp')).payload ?? {};
  device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, error: { message: 'The lamp is broken' } } });
  await assert.rejects(call, { code: 'TOOL_FAILED', message: 'The lamp is broken' });
});

test('xiaozhi trap 20: the server pushes to a connection that never asked for anything', async () => {
  const device = await rig.talk();
  rig.gateway.link('one')?.alert('Timer', 'Tea is ready', 'happy');
  const alert = await device.next('alert');
  assert.deepEqual([alert.status, alert.message, alert.emotion], ['Timer', 'Tea is ready', 'happy']);
  assert.equal(rig.gateway.link('nobody'), null);
});

/** A boot request whose Host header is not what `fetch` would make it. */
async function rawPost(host: string): Promise<string> {
  const socket = connect(rig.port, '127.0.0.1');
  const head = ['POST /xiaozhi/ota/ HTTP/1.1', `Host: ${host}`, 'Device-Id: one', 'Connection: close'];
  socket.write(`${head.join('\r\n')}\r\nContent-Length: 2\r\n\r\n{}`);
  let reply = '';
  for await (const chunk of socket) reply += chunk;
  return reply;
}
