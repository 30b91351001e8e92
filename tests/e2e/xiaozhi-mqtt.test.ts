import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { Device, SayReply } from '@muster/contract';
import { assemble } from '@muster/server';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { createStubVoice, createXiaozhiDevice, encodeSpeech, type XiaozhiDevice } from '@muster/testkit';

/** A board that was told to use MQTT: the whole way, from its boot request to a reminder that rings while it is idle. */
const stub = createStubVoice({ soundMs: 420 });
/** A model that sets a reminder when it is asked to. */
const llm = {
  ...stub.llm,
  async *think(request: ThinkRequest) {
    if (asksForReminder) await request.callTool('set_reminder', { label: 'water the plants', seconds: 2 });
    yield* stub.llm.think(request);
  },
};
const voice = { vad: stub.vad, stt: [stub.stt], llm: [llm], tts: [stub.tts] };
let asksForReminder = false;
interface ThinkRequest {
  readonly signal: AbortSignal;
  readonly callTool: (name: string, args: Readonly<Record<string, unknown>>) => Promise<string>;
}
const hum = Int16Array.from({ length: 16 * 600 }, (_, i) => 5_000 * Math.sin((2 * Math.PI * 180 * i) / 16_000));
const speech = encodeSpeech(hum);

let muster: TestServer;
const devices: XiaozhiDevice[] = [];
before(async () => {
  muster = await startTestServer({
    parts: { vad: voice.vad, providers: assemble(voice) },
    flags: ['--xiaozhi.transport=mqtt', '--xiaozhi.udpPort=0'],
  });
});
after(async () => {
  for (const device of devices) device.powerOff();
  await muster?.stop();
});

async function board(nth: number): Promise<XiaozhiDevice & { readonly id: string }> {
  let id = '';
  const device = createXiaozhiDevice({
    otaUrl: muster.otaUrl,
    hardwareId: `02:00:00:00:02:0${nth}`,
    clientId: `6ba7b810-9dad-11d1-80b4-00c04fd430c${nth}`,
    transport: 'mqtt',
  });
  devices.push(device);
  await device.activateWith(async (code) => {
    id = await muster.activate(code);
  });
  await device.standBy();
  return Object.assign(device, { id });
}

const shown = (deviceId: string): Promise<Device> => muster.call('GET', `/api/devices/${deviceId}`);
const isConnected = async (deviceId: string): Promise<boolean> => (await shown(deviceId)).connected;

/** Fetches the sound that a `notify` names, as the firmware does. */
async function fetchNotified(device: XiaozhiDevice): Promise<{ text: string; sound: Buffer }> {
  const { message } = await device.waitFor(({ type }) => type === 'notify');
  const [line] = message.subtitles as { text: string }[];
  const reply = await fetch(String(message.audio_url));
  assert.equal(reply.headers.get('content-type'), 'audio/ogg');
  return { text: line?.text ?? '', sound: Buffer.from(await reply.arrayBuffer()) };
}

test('conversations over MQTT and UDP: sound goes both ways, a goodbye ends one, and another follows on the same connection', async () => {
  const device = await board(1);
  for (const round of [1, 2]) {
    const { sessionId } = await device.connect();
    assert.notEqual(sessionId, '');
    const answer = await device.talk(speech);
    assert.equal(answer.heard, 'hello there', `round ${round}`);
    assert.ok(answer.packets.length >= 6, `${answer.packets.length} packets of sound came`);
    assert.ok(
      answer.pcm().some((sample) => Math.abs(sample) > 1_000),
      'it is sound, not noise of a wrong key',
    );
    assert.equal(device.playback().malformed, 0);
    device.close();
    await device.closed();
  }
  assert.equal(await isConnected(device.id), true, 'idle, and here');
});

test('the server speaks first to an idle device: it is told of the sound, and fetches it', async () => {
  const device = await board(2);
  const notified = fetchNotified(device);
  const said = await muster.call<SayReply>('POST', `/api/devices/${device.id}/say`, { text: 'Dinner is ready.' });
  const { text, sound } = await notified;
  assert.match(text, /Dinner is ready/);
  assert.equal(sound.subarray(0, 4).toString(), 'OggS');
  assert.ok(sound.includes('OpusHead'));
  assert.equal(said.outcome, 'fetched');
});

test('a reminder that was set in a conversation rings after it, while the device is idle', async () => {
  const device = await board(4);
  await device.connect();
  asksForReminder = true;
  await device.talk(speech);
  asksForReminder = false;
  device.close();
  const { text, sound } = await fetchNotified(device);
  assert.match(text, /water the plants/);
  assert.ok(sound.includes('OpusHead'));
});

test('a device that loses its power is gone, and cannot be told anything', async () => {
  const device = await board(3);
  await device.connect();
  device.powerOff();
  for (let tries = 0; tries < 100 && (await isConnected(device.id)); tries++) await delay(50);
  const gone = await shown(device.id);
  assert.deepEqual([gone.connected, gone.keepsConnection], [false, true], 'it is missed');
  await assert.rejects(muster.call('POST', `/api/devices/${device.id}/say`, { text: 'Hello?' }), {
    code: 'DEVICE_NOT_CONNECTED',
  });
});
