import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Encoder } from '@evan/opus';
import { codeOf, MusterError } from '@muster/contract';
import { createXiaozhiDevice } from './device.ts';
import type { XiaozhiDeviceOptions } from './options.ts';
import { createScriptedServer, type ScriptedServer } from './scripted-server.ts';
import { decodeAnswer, encodeSpeech, packetMs } from './speech.ts';

const IDENTITY = { hardwareId: '02:00:00:00:00:01', clientId: '11111111-2222-4333-8444-555555555555' };
const KEY = 'ab'.repeat(32);
const tone = (ms: number, rate = 16_000): Int16Array =>
  Int16Array.from({ length: (ms * rate) / 1_000 }, (_, i) => 9_000 * Math.sin(i / 6));
const DOWN = downlink(600);

let server: ScriptedServer;
before(async () => {
  server = await createScriptedServer();
});
after(() => server.close());

function downlink(ms: number): Uint8Array[] {
  const encoder = new Encoder({ channels: 1, sample_rate: 24_000, application: 'audio' });
  const pcm = tone(ms, 24_000);
  return Array.from({ length: ms / 60 }, (_, i) => encoder.encode(pcm.subarray(i * 1_440, (i + 1) * 1_440)));
}

async function connected(options: Partial<XiaozhiDeviceOptions> = {}) {
  const device = createXiaozhiDevice({ otaUrl: server.otaUrl, ...IDENTITY, ...options });
  await device.checkIn();
  await device.connect();
  return { device, peer: await server.nextPeer() };
}

test('checks in with the headers and the body of the firmware, and says that it is simulated', async () => {
  const device = createXiaozhiDevice({ otaUrl: server.otaUrl, ...IDENTITY });
  const reply = await device.checkIn();
  assert.equal(reply.websocket?.token, 'scripted-token');
  const asked = server.checkIns.at(-1);
  assert.equal(asked?.headers['activation-version'], '1');
  assert.equal(asked?.headers['device-id'], IDENTITY.hardwareId);
  assert.equal(asked?.headers['serial-number'], undefined);
  const body = JSON.parse(asked?.body ?? '');
  assert.equal(body.simulated, true);
  assert.equal(typeof body.minimum_free_heap_size, 'string');
});

test('proves its key as firmware and as a Python client do', async () => {
  server.set({ activation: { code: '123456', challenge: 'chal' }, pollStatuses: [200] });
  for (const activation of ['v1', 'v2-firmware', 'v2-python'] as const) {
    const device = createXiaozhiDevice({
      otaUrl: server.otaUrl,
      ...IDENTITY,
      activation,
      serialNumber: 'SN-1',
      hmacKey: KEY,
    });
    await device.checkIn();
    assert.equal((await device.activate()).status, 200);
    const body = JSON.parse(server.proofs.at(-1)?.body ?? '');
    const sign = (key: Buffer): string => createHmac('sha256', key).update('chal').digest('hex');
    if (activation === 'v1') assert.deepEqual(body, {});
    if (activation === 'v2-firmware') assert.equal(body.hmac, sign(Buffer.from(KEY, 'hex')));
    if (activation === 'v2-python') assert.equal(body.Payload.hmac, sign(Buffer.from(KEY)));
  }
  server.set({ activation: null });
});

for (const framing of [1, 2, 3] as const) {
  test(`speaks in real time and hears the whole answer, framing ${framing}`, async () => {
    const { device, peer } = await connected({ framing });
    const speech = encodeSpeech(tone(300));
    const answer = device.talk(speech);
    await peer.got((message) => message.type === 'listen' && message.state === 'start' && message.mode === 'auto');
    while (peer.packets.length < speech.packets.length + 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await peer.answer('hello there', DOWN);
    const found = await answer;
    assert.equal(found.heard, 'hello there');
    assert.equal(found.packets.length, DOWN.length);
    assert.equal(found.pcm().length, DOWN.length * 1_440);
    assert.deepEqual(peer.packets[0]?.bytes, Buffer.from(speech.packets[0] ?? []));
    const playback = device.playback();
    assert.equal(playback.lost + playback.unwanted + playback.malformed, 0);
    assert.ok((found.times.lastVoicedFrameSentAt ?? 0) < (found.times.firstAudioAt ?? 0));
    // 5 frames of 60 ms took at least 4 steps of the pace
    const [first, last] = [peer.packets[0]?.at ?? 0, peer.packets[speech.packets.length - 1]?.at ?? 0];
    assert.ok(last - first > 150, `sent in ${last - first} ms`);
    device.close();
  });
}

test('counts what the speaker of the firmware would lose', async () => {
  const { device, peer } = await connected();
  peer.sendRaw(DOWN[0] ?? new Uint8Array());
  const answer = device.nextAnswer();
  peer.send({ type: 'tts', state: 'start' });
  for (let i = 0; i < 60; i++) peer.sendRaw(DOWN[i % DOWN.length] ?? new Uint8Array());
  peer.send({ type: 'tts', state: 'stop' });
  await answer;
  const playback = device.playback();
  assert.equal(playback.unwanted, 1);
  assert.ok(playback.lost >= 18 && playback.lost <= 20, `${playback.lost} lost`);
  assert.ok(playback.cutMs > 1_000, 'the stop came before the sound was out');
  device.close();
});

test('gives up without an answer, and when the server goes away', async () => {
  const { device, peer } = await connected();
  await assert.rejects(device.talk(tone(60), { timeoutMs: 100 }), { code: 'ANSWER_TIMEOUT' });
  const answer = device.talk(tone(60));
  const gone = assert.rejects(answer, { code: 'SERVER_UNREACHABLE' });
  await peer.got((message) => message.type === 'listen');
  peer.drop();
  await gone;
  assert.equal((await device.closed())?.code, 1006);
});

test('is refused with 401, and takes an unreachable server for one', async () => {
  server.set({ refuse: true });
  const device = createXiaozhiDevice({ otaUrl: server.otaUrl, ...IDENTITY });
  await device.checkIn();
  await assert.rejects(device.connect(), { code: 'DEVICE_TOKEN_INVALID' });
  server.set({ refuse: false });
  const lost = createXiaozhiDevice({ otaUrl: 'http://127.0.0.1:1/ota/', ...IDENTITY });
  await assert.rejects(lost.checkIn(), (error) => codeOf(error) === 'SERVER_UNREACHABLE');
  assert.ok(new MusterError('SERVER_UNREACHABLE').retryable);
});

test('lists tools in pages and stays silent on string ids', async () => {
  const tools = Array.from({ length: 30 }, (_, i) => ({
    name: `self.tool_${i}`,
    description: 'x'.repeat(700),
    inputSchema: { type: 'object', properties: {} },
    call: () => `called ${i}`,
  }));
  const { device, peer } = await connected({ tools });
  const ask = async (id: number, method: string, params: object) => {
    peer.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, method, params } });
    const reply = await peer.got((message) => (message.payload as { id?: unknown } | undefined)?.id === id);
    assert.ok(JSON.stringify(reply).length < 8_400);
    return (reply.payload as { result: { tools: unknown[]; nextCursor?: string; content: unknown[] } }).result;
  };
  peer.send({ type: 'mcp', payload: { jsonrpc: '2.0', id: 'text', method: 'initialize', params: {} } });
  let listed = 0;
  let cursor = '';
  for (let id = 1; id < 10; id++) {
    const page = await ask(id, 'tools/list', { cursor });
    listed += page.tools.length;
    cursor = page.nextCursor ?? '';
    if (cursor === '') break;
  }
  assert.equal(listed, 30);
  const called = await ask(20, 'tools/call', { name: 'self.tool_7', arguments: {} });
  assert.deepEqual(called.content, [{ type: 'text', text: 'called 7' }]);
  assert.equal(device.toolCalls.length, 1);
  assert.equal(peer.messages.filter((message) => message.type === 'mcp').length, 4, 'three pages and a call');
  device.close();
});

test('barges in: the old answer ends, the new one is told apart', async () => {
  const { device, peer } = await connected({ mode: 'realtime' });
  const first = device.talk(tone(120));
  await peer.got((message) => message.type === 'listen');
  const talking = peer.answer('one', downlink(1_800));
  const barge = device.bargeIn(tone(300));
  while (device.playback().deepest < 3) await new Promise((resolve) => setTimeout(resolve, 20));
  await new Promise((resolve) => setTimeout(resolve, 500));
  peer.send({ type: 'tts', state: 'stop' });
  assert.equal((await first).heard, 'one');
  await new Promise((resolve) => setTimeout(resolve, 50));
  peer.send({ type: 'stt', text: 'two' });
  peer.send({ type: 'tts', state: 'start' });
  const found = await barge;
  assert.ok(found.interrupted.packets.length > 0);
  assert.ok(found.silencedMs > 0);
  await talking;
  assert.equal((await found.answer).heard, 'two');
  assert.equal(peer.messages.filter((message) => message.type === 'listen').length, 1, 'the microphone stayed on');
  device.close();
});

test('abort asks for silence and times it', async () => {
  const { device, peer } = await connected();
  const answer = device.say('tell me a story');
  await peer.got((message) => message.type === 'listen' && message.state === 'detect');
  const talking = peer.answer('story', DOWN);
  const stopped = peer.got((message) => message.type === 'abort').then(() => peer.send({ type: 'tts', state: 'stop' }));
  while (!device.isSpeaking()) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok((await device.abort('wake_word_detected')) < 5_000);
  assert.equal((await answer).heard, 'story');
  assert.equal(device.playback().cutMs, 0);
  await Promise.all([stopped, talking]);
  device.close();
});

test('faults: drops, stalls, bombs and bad frames reach the peer', async () => {
  const dropping = await connected({ faults: { dropAfterMs: 50 } });
  assert.equal((await dropping.device.closed())?.code, 1006);
  const lying = await connected({ framing: 2, faults: { badFrames: 'dtx' } });
  const gave = assert.rejects(lying.device.talk(tone(900), { timeoutMs: 50 }), { code: 'ANSWER_TIMEOUT' });
  await gave;
  assert.ok(lying.peer.packets.some(({ bytes }) => bytes.length === 1 && bytes[0] === 0x58));
  const bomber = await connected({ faults: { jsonBomb: 'huge' } });
  await bomber.peer.got((message) => String(message.text).length === 1_000_000);
  lying.device.close();
  bomber.device.close();
});

test('knows the length of a packet, and where the voice is', () => {
  assert.equal(packetMs(DOWN[0] ?? new Uint8Array()), 60);
  assert.equal(packetMs(encodeSpeech(tone(40), 20).packets[1] ?? new Uint8Array()), 20);
  assert.equal(packetMs(new Uint8Array()), 0);
  const pcm = new Int16Array(16_000);
  pcm.set(tone(300), 4_800);
  const speech = encodeSpeech(pcm);
  assert.equal(speech.firstVoiced, 5);
  assert.equal(speech.lastVoiced, 9);
  assert.equal(encodeSpeech(new Int16Array(960)).lastVoiced, -1);
  assert.throws(() => decodeAnswer([Uint8Array.of(1, 2, 3, 255, 255, 9, 9, 9)]), { code: 'AUDIO_MALFORMED' });
});
