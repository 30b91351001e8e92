import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { WebSocket } from 'ws';
import { openFirmwareSocket } from './rig/firmware-socket.ts';
import { type Rig, startRig } from './rig/rig.ts';
import { until } from './rig/until.ts';

/** "Server must", clause by clause, as far as the gateway owns it. */

const ORIGIN = 'https://test.example';
let rig: Rig;
before(async () => {
  rig = await startRig({ config: { allowedOrigins: [ORIGIN] } });
});
after(() => rig.stop());
beforeEach(async () => {
  await rig.hangUp();
  rig.inbox.reply = { active: true, deviceId: 'd', token: 'token-of-one', timeZone: null };
});

const DEVICE = { 'Device-Id': 'AA-BB-CC-DD-EE-FF', 'Client-Id': 'client' };
const slashless = (url: string): string => url.replace(/\/$/, '');

test('xiaozhi checklist S01: OTA takes GET, POST and OPTIONS, and activate POST, in both slash forms', async () => {
  rig.inbox.poll = 'active';
  for (const url of [rig.otaUrl, slashless(rig.otaUrl)]) {
    assert.equal((await fetch(url, { method: 'POST', headers: DEVICE, body: '{}' })).status, 200);
    assert.ok('websocket' in ((await (await fetch(url, { headers: DEVICE })).json()) as object));
    assert.match(await (await fetch(url)).text(), /ws:\/\/127\.0\.0\.1:\d+\/xiaozhi\/v1\//);
    assert.equal((await fetch(url, { method: 'OPTIONS' })).status, 204);
  }
  for (const url of [`${rig.otaUrl}activate`, `${rig.otaUrl}activate/`]) {
    assert.equal((await fetch(url, { method: 'POST', headers: DEVICE, body: '{}' })).status, 200);
    assert.equal((await fetch(url, { method: 'OPTIONS' })).status, 204);
  }
});

test('xiaozhi checklist S01: a page may read the reply only when its origin is allowed', async () => {
  for (const [origin, allowed] of [
    [ORIGIN, ORIGIN],
    ['https://evil.example', null],
  ] as const) {
    for (const method of ['OPTIONS', 'POST']) {
      const reply = await fetch(rig.otaUrl, { method, headers: { ...DEVICE, Origin: origin } });
      assert.equal(reply.headers.get('access-control-allow-origin'), allowed, `${method} from ${origin}`);
    }
  }
});

test('xiaozhi checklist S02: a broken body is no error: headers are enough', async () => {
  for (const body of ['', 'not json', '{"board":{"ssid":"my "own" net"}}', '[1]', '['.repeat(5_000), '\u0000\ufffd']) {
    const reply = await fetch(rig.otaUrl, { method: 'POST', headers: DEVICE, body });
    assert.equal(reply.status, 200, body.slice(0, 20));
    assert.equal(rig.inbox.checkIns.at(-1)?.hardwareId, 'aa:bb:cc:dd:ee:ff');
  }
});

test('xiaozhi checklist S02: a body fills in what the headers lack', async () => {
  const body = JSON.stringify({ mac_address: 'AA:BB:CC:00:11:22', uuid: 'u-1', application: { version: '2.4.2' } });
  const reply = await fetch(rig.otaUrl, { method: 'POST', headers: { 'Content-Type': 'text/plain' }, body });
  assert.equal(reply.status, 200);
  const checkIn = rig.inbox.checkIns.at(-1);
  assert.deepEqual([checkIn?.hardwareId, checkIn?.clientId], ['aa:bb:cc:00:11:22', 'u-1']);
  assert.deepEqual(((await reply.json()) as { firmware: object }).firmware, { version: '2.4.2', url: '' });
});

test('xiaozhi checklist S02: what names no device, or is over 32 kB, is refused with a code', async () => {
  const nameless = await fetch(rig.otaUrl, { method: 'POST', body: '{}' });
  assert.equal(nameless.status, 400);
  const huge = await fetch(rig.otaUrl, { method: 'POST', headers: DEVICE, body: 'x'.repeat(40_000) });
  assert.equal(huge.status, 413);
  assert.match(await huge.text(), /REQUEST_TOO_LARGE/);
});

test('xiaozhi checklist S03: the code of the inbox reaches the device unchanged at every poll', async () => {
  rig.inbox.reply = { active: false, code: '042042', challenge: 'c', message: 'Muster\n042042', timeZone: null };
  for (let poll = 0; poll < 3; poll++) {
    const reply = await fetch(rig.otaUrl, { method: 'POST', headers: DEVICE, body: '{}' });
    const { activation, websocket } = (await reply.json()) as Record<string, Record<string, unknown>>;
    assert.deepEqual(activation, { code: '042042', challenge: 'c', message: 'Muster\n042042', timeout_ms: 600_000 });
    assert.equal(websocket?.token, '');
  }
});

test('xiaozhi checklist S03: a known device that must prove its key gets a challenge and no code to show', async () => {
  rig.inbox.reply = { active: false, code: null, challenge: 'prove', message: '', timeZone: null };
  const reply = await fetch(rig.otaUrl, { method: 'POST', headers: DEVICE, body: '{}' });
  const { activation } = (await reply.json()) as { activation: object };
  assert.deepEqual(activation, { challenge: 'prove', message: '', timeout_ms: 600_000 });
});

test('xiaozhi checklist S04: mqtt is in no reply', async () => {
  for (const init of [{ headers: DEVICE }, { method: 'POST', headers: DEVICE, body: '{"mqtt":{}}' }]) {
    assert.ok(!/mqtt/i.test(await (await fetch(rig.otaUrl, init)).text()));
  }
});

test('xiaozhi checklist S05: the url of a configured public address has its port, too', async () => {
  const secure = await startRig({ publicUrl: 'https://muster.example' });
  try {
    const reply = await fetch(secure.otaUrl, { method: 'POST', headers: DEVICE, body: '{}' });
    const { websocket } = (await reply.json()) as { websocket: { url: string } };
    assert.equal(websocket.url, 'wss://muster.example:443/xiaozhi/v1/');
  } finally {
    await secure.stop();
  }
});

test('xiaozhi checklist S06: credentials come in headers or in the query, Bearer or verbatim', async () => {
  const query =
    'authorization=Bearer+token-of-5c%3A00%3A00%3A00%3A00%3A01&device-id=5C%3A00%3A00%3A00%3A00%3A01&client-id=web';
  for (const url of [`${rig.wsUrl}?${query}`, `${slashless(rig.wsUrl)}?${query}`]) {
    const socket = new WebSocket(url);
    await until(() => socket.readyState === WebSocket.OPEN);
    assert.deepEqual(rig.inbox.credentials.at(-1), {
      token: 'token-of-5c:00:00:00:00:01',
      hardwareId: '5c:00:00:00:00:01',
      clientId: 'web',
      source: '127.0.0.1',
    });
    socket.terminate();
  }
  const verbatim = await rig.connect('one', { headers: { Authorization: 'token-of-one' } });
  assert.equal(verbatim.socket.readyState, WebSocket.OPEN);
});

test('xiaozhi checklist S07: a bad, missing or foreign token is 401 before the upgrade', async () => {
  const cases = [{ Authorization: 'Bearer wrong' }, { Authorization: '' }, { 'Device-Id': 'two' }, { 'Device-Id': '' }];
  for (const headers of cases) {
    await assert.rejects(rig.connect('one', { headers }), /Unexpected server response: 401/, JSON.stringify(headers));
  }
  assert.equal(rig.gateway.connectionCount(), 0);
  const refused = await rig.count('muster_xiaozhi_refusals_total', { code: 'DEVICE_TOKEN_INVALID' });
  assert.equal(refused, cases.length);
});

test('xiaozhi checklist S08: no hello within 10 s closes with HELLO_TIMEOUT; a late one is in time', async () => {
  const silent = await rig.connect('silent');
  rig.clock.advance(9_999);
  const late = await rig.talk('late');
  assert.ok(rig.gateway.connected('silent'));
  rig.clock.advance(1);
  assert.deepEqual(await silent.closed, { code: 1008, reason: 'HELLO_TIMEOUT' });
  rig.clock.advance(30_000);
  assert.equal(late.socket.readyState, WebSocket.OPEN);
});

for (const [version, header] of [
  [1, ''],
  [2, '00020000000000000000000000000003'],
  [3, '00000003'],
] as const) {
  test(`xiaozhi checklist S09: framing ${version} by Protocol-Version, both ways, whatever hello says`, async () => {
    const headers = { 'Protocol-Version': String(version) };
    const device = await rig.talk('one', { headers, hello: { version: version === 3 ? 2 : 3 } });
    await checkFraming(device, header);
  });

  test(`xiaozhi checklist S09: framing ${version} by hello when the handshake names none`, async () => {
    const device = await rig.talk('one', { hello: { version } });
    await checkFraming(device, header);
  });
}

async function checkFraming(device: Awaited<ReturnType<Rig['talk']>>, header: string): Promise<void> {
  const frame = Buffer.from(`${header}580102`, 'hex');
  device.socket.send(frame);
  await until(() => rig.inbox.packets.length === 1);
  assert.equal(rig.inbox.packets[0]?.toString('hex'), '580102');
  device.link.audio(Buffer.from('580102', 'hex'));
  await until(() => device.frames.length === 1);
  assert.deepEqual(device.frames[0], frame);
}

test('xiaozhi checklist S10: packets of every duration and code are passed on untouched', async () => {
  const device = await rig.talk();
  // TOC bytes of 2.5 ms CELT, 20 ms SILK, 60 ms SILK, 3 x 20 ms CELT, and DTX of one byte
  const packets = ['e0aa', '08aa', '18aa', 'bb03aabbcc', '58'].map((hex) => Buffer.from(hex, 'hex'));
  for (const packet of packets) device.socket.send(packet);
  await until(() => rig.inbox.packets.length === packets.length);
  assert.deepEqual(rig.inbox.packets, packets);
});

test('xiaozhi checklist S11: tools are read page by page, and a cursor that comes again ends it', async () => {
  const device = await rig.talk('one', { hello: { features: { mcp: true } } });
  const cursors: unknown[] = [];
  const ids = new Set<unknown>();
  const pages: Record<string, object> = {
    '': { tools: [{ name: 'a', inputSchema: {} }], nextCursor: 'b' },
    b: { tools: [{ name: 'b', description: 'B', inputSchema: {} }, { name: '' }, 7], nextCursor: 'b' },
  };
  device.socket.on('message', (data: Buffer) => {
    const { payload } = JSON.parse(data.toString());
    ids.add(payload.id);
    if (payload.method === 'tools/list') cursors.push(payload.params.cursor);
    const result = payload.method === 'tools/list' ? pages[payload.params.cursor] : {};
    device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id: payload.id, result } });
  });
  const { id } = (await device.next('mcp')).payload ?? {};
  ids.add(id);
  device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, result: {} } });
  await until(() => device.link.tools().length === 2);
  assert.deepEqual(
    device.link.tools().map(({ name }) => name),
    ['a', 'b'],
  );
  assert.deepEqual(cursors, ['', 'b']);
  assert.ok([...ids].every((each) => Number.isInteger(each)));
});

test('xiaozhi checklist S11: an answer that is not JSON fails its call at once, and is no fault of the device', async () => {
  const device = await withLamp();
  const call = device.link.callTool('self.lamp', {}, AbortSignal.timeout(2_000));
  const { id } = (await device.next('mcp')).payload ?? {};
  device.send(`{"session_id":"","type":"mcp","payload":{"jsonrpc":"2.0","id":${id},"error":{"message":"bad "x""}}}`);
  await assert.rejects(call, { code: 'TOOL_FAILED' });
  assert.ok(!device.messages.some(({ type }) => type === 'alert'));
});

test('xiaozhi checklist S11: a call that is not answered within 30 s is TOOL_TIMEOUT', async () => {
  const device = await withLamp();
  const call = device.link.callTool('self.lamp', {}, AbortSignal.timeout(2_000));
  const refused = assert.rejects(call, { code: 'TOOL_TIMEOUT' });
  await device.next('mcp');
  rig.clock.advance(30_000);
  await refused;
});

async function withLamp(): ReturnType<Rig['talk']> {
  const device = await rig.talk('one', { hello: { features: { mcp: true } } });
  const tools = [{ name: 'self.lamp', description: 'Light', inputSchema: { type: 'object' } }];
  for (const result of [{}, { tools }]) {
    const { id } = (await device.next('mcp')).payload ?? {};
    device.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, result } });
  }
  await until(() => device.link.tools().length === 1);
  return device;
}

test('xiaozhi checklist S12: an abort reaches the conversation at once, with and without a reason', async () => {
  const device = await rig.talk();
  device.send({ type: 'abort', reason: 'wake_word_detected' });
  device.send({ type: 'abort' });
  await until(() => rig.inbox.told.length === 2);
  assert.deepEqual(rig.inbox.told, ['abort wake_word_detected', 'abort null']);
});

test('xiaozhi checklist S13: frames of a conversation that is over go nowhere', async () => {
  const older = await rig.talk();
  const newer = await rig.talk();
  assert.equal((await older.closed).reason, 'SESSION_REPLACED');
  assert.equal(older.link.audio(Buffer.from([1])), false);
  older.link.heard('late');
  older.link.speechStart();
  newer.link.heard('new');
  assert.equal((await newer.next('stt')).text, 'new');
  assert.equal(newer.frames.length, 0);
  assert.deepEqual(
    newer.messages.map(({ type }) => type),
    ['hello', 'stt'],
  );
});

test('xiaozhi checklist S14: 120 s without a word close the connection, though the microphone streams', async () => {
  const device = await rig.talk();
  device.send({ type: 'listen', state: 'start', mode: 'auto' });
  await until(() => rig.inbox.told.includes('listen auto'));
  rig.clock.advance(119_000);
  device.socket.send(Buffer.from([0x58]));
  await until(() => rig.inbox.packets.length === 1);
  assert.ok(rig.gateway.connected('one'));
  rig.clock.advance(1_000);
  assert.ok(!rig.gateway.connected('one'));
  assert.deepEqual(await device.closed, { code: 1000, reason: 'IDLE_TIMEOUT' });
  assert.ok(!device.messages.some(({ type }) => type === 'alert'));
});

test('xiaozhi checklist S14: a connection on which nobody ever talked stays, so that a reminder can ring', async () => {
  rig.inbox.extra = { idle: () => void rig.inbox.told.push('goodbye') };
  const device = await rig.talk();
  rig.clock.advance(600_000);
  device.link.speechStart();
  device.link.audio(Buffer.from([1]));
  device.link.speechStop();
  device.send({ type: 'abort' });
  await until(() => rig.inbox.told.includes('abort null'));
  rig.clock.advance(600_000);
  assert.ok(rig.gateway.connected('one'));
  assert.deepEqual(rig.inbox.told, ['abort null']);
});

test('xiaozhi checklist S14: where nobody was heard, nobody is told goodbye', async () => {
  rig.inbox.extra = { idle: () => void rig.inbox.told.push('goodbye') };
  const device = await rig.talk();
  device.send({ type: 'listen', state: 'start', mode: 'realtime' });
  await until(() => rig.inbox.told.length === 1);
  rig.clock.advance(120_000);
  assert.ok(!rig.gateway.connected('one'));
  assert.ok(!rig.inbox.told.includes('goodbye'));
  assert.equal((await device.closed).reason, 'IDLE_TIMEOUT');
});

test('xiaozhi checklist S14: what was heard and what is spoken count as words', async () => {
  const device = await rig.talk();
  for (const say of [() => device.link.heard('hm'), () => device.link.speechStart(), () => device.link.speechStop()]) {
    rig.clock.advance(119_000);
    say();
  }
  rig.clock.advance(119_999);
  assert.ok(rig.gateway.connected('one'));
  rig.clock.advance(1);
  assert.ok(!rig.gateway.connected('one'));
  assert.equal((await device.closed).reason, 'IDLE_TIMEOUT');
});

test('xiaozhi checklist S14: a conversation that says goodbye is heard out first', async () => {
  rig.inbox.extra = { idle: () => void rig.inbox.told.push('goodbye') };
  const device = await rig.talk();
  device.link.heard('hello');
  rig.clock.advance(120_000);
  assert.deepEqual(rig.inbox.told, ['goodbye']);
  device.link.speechStart();
  device.link.audio(Buffer.from([1]));
  rig.clock.advance(60);
  device.link.speechStop();
  assert.ok(!rig.gateway.connected('one'));
  assert.equal((await device.closed).reason, 'IDLE_TIMEOUT');
  assert.equal(device.frames.length, 1);
  assert.equal(device.messages.at(-1)?.state, 'stop');
});

test('xiaozhi checklist S14: who speaks over the goodbye keeps the connection', async () => {
  rig.inbox.extra = { idle: () => void rig.inbox.told.push('goodbye') };
  const device = await rig.talk();
  device.send({ type: 'listen', state: 'start', mode: 'realtime' });
  await until(() => rig.inbox.told.length === 1);
  device.link.heard('hello');
  rig.clock.advance(120_000);
  assert.equal(rig.inbox.told.at(-1), 'goodbye');
  device.link.speechStart();
  for (let packet = 0; packet < 5; packet++) device.link.audio(Buffer.from([1]));
  rig.clock.advance(100);
  device.link.speechStop();
  assert.ok(rig.gateway.connected('one'));
  rig.clock.advance(100_000);
  assert.ok(rig.gateway.connected('one'));
  device.link.heard('wait');
  rig.clock.advance(119_000);
  assert.ok(rig.gateway.connected('one'));
});

test('xiaozhi checklist S14: a microphone that opens over the goodbye keeps the connection', async () => {
  rig.inbox.extra = { idle: () => void rig.inbox.told.push('goodbye') };
  const device = await rig.talk();
  device.link.heard('hello');
  rig.clock.advance(120_000);
  device.link.speechStart();
  device.link.audio(Buffer.from([1]));
  device.send({ type: 'listen', state: 'start', mode: 'auto' });
  await until(() => rig.inbox.told.includes('listen auto'));
  rig.clock.advance(60);
  device.link.speechStop();
  rig.clock.advance(119_000);
  assert.ok(rig.gateway.connected('one'));
});

test('xiaozhi checklist S15: pings go out, and no pong is asked for', async () => {
  const device = await rig.talk('one', { client: { autoPong: false } });
  const pinged = new Promise((resolve) => device.socket.once('ping', resolve));
  rig.clock.advance(30_000);
  await pinged;
  rig.clock.advance(85_000);
  assert.ok(rig.gateway.connected('one'));
});

test('xiaozhi checklist S16: sockets end soon after a close, answered or not', async () => {
  const device = await openFirmwareSocket(rig.port);
  rig.clock.advance(10_000);
  await until(() => device.received().includes('HELLO_TIMEOUT'));
  rig.clock.advance(250);
  await until(device.ended, 'the end of the TCP connection');
});

test('xiaozhi checklist S17: iot, ping, goodbye, unknown types and empty session ids are no faults', async () => {
  const device = await rig.talk();
  device.send({ type: 'iot', update: true, descriptors: [{ name: 'Lamp' }] });
  device.send({ type: 'iot', update: true, states: [] });
  device.send({ type: 'goodbye', session_id: '' });
  device.send({ type: 'custom', payload: { a: 1 } });
  device.send({ type: 'listen', state: 'sideways' });
  device.send({ type: 'ping' });
  assert.equal((await device.next('pong')).timestamp, rig.clock.now());
  device.send({ session_id: '', type: 'listen', state: 'detect', text: 'what time is it' });
  await until(() => rig.inbox.told.length === 1);
  assert.deepEqual(rig.inbox.told, ['detect what time is it']);
  assert.deepEqual(
    device.messages.map(({ type }) => type),
    ['hello', 'pong'],
  );
});

test('xiaozhi checklist S18: server_time is UTC in ms, its offset the minutes of the site', async () => {
  for (const [timeZone, minutes] of [
    ['Asia/Ho_Chi_Minh', 420],
    ['America/St_Johns', -210],
    [null, 0],
  ] as const) {
    rig.inbox.reply = { active: true, deviceId: 'd', token: 't', timeZone };
    const reply = await fetch(rig.otaUrl, { method: 'POST', headers: DEVICE, body: '{}' });
    const { server_time } = (await reply.json()) as { server_time: object };
    assert.deepEqual(server_time, { timestamp: rig.clock.now(), timezone_offset: minutes });
  }
});
