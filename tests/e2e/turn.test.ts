import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { MusterError, type Turn } from '@muster/contract';
import { assemble } from '@muster/server';
import { startTestServer, type TestServer } from '@muster/server/testing';
import { createStubVoice, encodeSpeech, type XiaozhiDeviceOptions } from '@muster/testkit';

/**
 * The turn through the whole server (sockets, framing, Opus, database), with stages that are scripted: what a stage
 * does wrong is what each test is about.
 */
const stub = createStubVoice({ soundMs: 420 });
type Stt = typeof stub.stt;
type Llm = typeof stub.llm;
type Tts = typeof stub.tts;
const script: { stt: Stt['transcribe']; llm: Llm['think']; tts: Tts['speak'] } = {
  stt: stub.stt.transcribe,
  llm: stub.llm.think,
  tts: stub.tts.speak,
};
const voice = {
  vad: stub.vad,
  stt: [{ ...stub.stt, transcribe: (...call: Parameters<Stt['transcribe']>) => script.stt(...call) }],
  llm: [{ ...stub.llm, think: (...call: Parameters<Llm['think']>) => script.llm(...call) }],
  tts: [{ ...stub.tts, speak: (...call: Parameters<Tts['speak']>) => script.tts(...call) }],
};

let muster: TestServer;
const hum = (ms: number): Int16Array =>
  Int16Array.from({ length: 16 * ms }, (_, i) => 5_000 * Math.sin((2 * Math.PI * 180 * i) / 16_000));
const speech = encodeSpeech(hum(600));

before(async () => {
  muster = await startTestServer({
    parts: { vad: voice.vad, providers: assemble(voice) },
    flags: [
      '--voice.turn.hearingMs=800',
      '--voice.turn.thinkingMs=800',
      '--voice.turn.speakingMs=800',
      '--voice.turn.momentMs=500',
    ],
  });
});
after(() => muster?.stop());

/** Each test has a device of its own; what a test scripted is forgotten before the next. */
function connected(options: Partial<XiaozhiDeviceOptions> = {}) {
  script.stt = stub.stt.transcribe;
  script.llm = stub.llm.think;
  script.tts = stub.tts.speak;
  return muster.connect(options);
}

/** A stream that fails before its first item. */
async function* failing(code: 'PROVIDER_FAILED' | 'PROVIDER_KEY'): AsyncGenerator<never> {
  yield await Promise.reject(new MusterError(code));
}

async function lastTurn(deviceId: string): Promise<Turn> {
  for (let tries = 0; tries < 50; tries++) {
    const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${deviceId}/turns?limit=1`);
    if (turns[0] !== undefined) return turns[0];
    await delay(20);
  }
  throw new MusterError('NOT_FOUND');
}

test('a spoken turn is heard, answered and recorded with the time of each stage', async () => {
  const device = await connected();
  const answer = await device.talk(speech);
  assert.equal(answer.heard, 'hello there');
  assert.deepEqual(
    answer.sentences.map((sentence) => sentence.text),
    ['This is the answer.'],
  );
  const turn = await lastTurn(device.id);
  assert.equal(turn.outcome, 'answered');
  assert.deepEqual([turn.stt, turn.llm, turn.tts], ['stub', 'stub', 'stub']);
  const { endpointMs, heardMs, firstAudioMs, totalMs } = turn.times;
  assert.ok(endpointMs !== null && heardMs !== null && firstAudioMs !== null && totalMs !== null);
  assert.ok(endpointMs >= 250 && firstAudioMs >= endpointMs && totalMs > firstAudioMs);
  assert.equal(turn.heard, null, 'words are not kept unless the site says so');
  device.close();
});

test('xiaozhi trap 11: the first packet comes a frame after tts start, never glued to it', async () => {
  const device = await connected();
  const { times } = await device.talk(speech);
  assert.ok((times.firstAudioAt ?? 0) - (times.startAt ?? 0) >= 40);
  assert.equal(device.playback().unwanted, 0);
  device.close();
});

test('xiaozhi trap 12: five packets at once, then one each frame; the queue of the device never overflows', async () => {
  const device = await connected();
  const { packets } = await device.talk(speech);
  const offsets = packets.map((packet) => packet.at - (packets[0]?.at ?? 0));
  assert.ok((offsets[4] ?? 1e9) < 50, 'the burst');
  assert.ok((offsets.at(-1) ?? 0) >= (packets.length - 6) * 60 - 20, 'the pace');
  assert.equal(device.playback().lost, 0);
  device.close();
});

test('xiaozhi trap 13: the last syllable is played before tts stop', async () => {
  const device = await connected();
  const answer = await device.talk(speech);
  assert.equal(device.playback().cutMs, 0);
  assert.ok(answer.pcm().length >= 24 * 420);
  device.close();
});

test('xiaozhi trap 14: frames of 20, 40 and 60 ms, framings 1, 2 and 3', async () => {
  for (const [frameMs, framing] of [
    [20, 2],
    [40, 3],
    [60, 1],
  ] as const) {
    const device = await connected({ frameMs, framing });
    const answer = await device.talk(encodeSpeech(hum(600), frameMs));
    assert.equal(answer.heard, 'hello there');
    assert.equal(device.playback().malformed, 0);
    device.close();
  }
});

test('push-to-talk: the button ends the turn', async () => {
  const device = await connected({ mode: 'manual' });
  assert.equal((await device.talk(speech)).heard, 'hello there');
  device.close();
});

test('push-to-talk: a button that was held in silence is answered, not ignored', async () => {
  const device = await connected({ mode: 'manual' });
  const answer = await device.talk(encodeSpeech(new Int16Array(16 * 600)));
  assert.match(answer.sentences.map(({ text }) => text).join(' '), /didn't hear you/);
  assert.equal((await lastTurn(device.id)).outcome, 'nothingHeard');
  device.close();
});

test('typed text is answered; a wake word is not', async () => {
  const device = await connected();
  const answer = await device.say('what is this');
  assert.equal(answer.heard, 'what is this');
  await assert.rejects(device.say('Alexa', 600), { code: 'ANSWER_TIMEOUT' });
  device.close();
});

test('an answer of many sentences is played in order, without a gap that is heard', async () => {
  const device = await connected();
  script.llm = async function* () {
    for (const word of 'One is here. Two is there. Three is far away.'.split(' '))
      yield { type: 'text', text: `${word} ` };
  };
  const answer = await device.talk(speech);
  assert.deepEqual(
    answer.sentences.map((s) => s.text),
    ['One is here.', 'Two is there.', 'Three is far away.'],
  );
  assert.equal(device.playback().underruns, 0);
  device.close();
});

test('abort: silence at once, nothing of the old answer comes later, and the turn says interrupted', async () => {
  const device = await connected();
  script.llm = async function* () {
    yield { type: 'text', text: 'A long story that goes on. '.repeat(6) };
  };
  void device.talk(speech).catch(() => undefined);
  await device.waitFor((message) => message.type === 'tts' && message.state === 'sentence_start');
  await delay(150);
  const silentMs = await device.abort('wake_word_detected');
  assert.ok(silentMs < 1_000);
  const before = device.playback().unwanted;
  await delay(400);
  assert.equal(device.playback().unwanted, before);
  assert.equal((await lastTurn(device.id)).outcome, 'interrupted');
  assert.equal((await device.talk(speech)).heard, 'hello there', 'the next turn works');
  device.close();
});

test('an abort before the first sound drops the answer too', async () => {
  const device = await connected();
  script.llm = async function* (request) {
    await delay(400, undefined, { signal: request.signal });
    yield { type: 'text', text: 'Too late.' };
  };
  const talk = device.talk(speech).catch(() => null);
  await device.waitFor((message) => message.type === 'stt');
  await device.abort();
  await talk;
  await delay(600);
  assert.ok(!device.events.some(({ message }) => message.type === 'tts' && message.text === 'Too late.'));
  device.close();
});

test('realtime: a voice over the answer silences it and is answered itself', async () => {
  const device = await connected({ mode: 'realtime' });
  script.llm = async function* () {
    yield { type: 'text', text: 'A long story that goes on. '.repeat(6) };
  };
  void device.talk(speech).catch(() => undefined);
  const cut = await device.bargeIn(speech);
  assert.equal(cut.latePackets, 0);
  script.llm = stub.llm.think;
  assert.equal((await cut.answer).heard, 'hello there');
  device.close();
});

test('realtime: after an abort the open microphone is heard again', async () => {
  const device = await connected({ mode: 'realtime' });
  script.llm = async function* () {
    yield { type: 'text', text: 'A long story that goes on. '.repeat(6) };
  };
  void device.talk(speech).catch(() => undefined);
  await device.waitFor((message) => message.type === 'tts' && message.state === 'sentence_start');
  await device.abort();
  script.llm = stub.llm.think;
  assert.equal((await device.talk(speech)).heard, 'hello there');
  device.close();
});

test('what was prepared during a pause is thrown away when the person goes on', async () => {
  const device = await connected();
  const heard: number[] = [];
  script.stt = async (pcm) => {
    heard.push(pcm.length);
    return `heard ${pcm.length}`;
  };
  const withPause = new Int16Array(16 * 1_500);
  withPause.set(hum(500));
  withPause.set(hum(700), 16 * 800);
  const answer = await device.talk(encodeSpeech(withPause));
  assert.equal(heard.length, 2, 'one guess, one for good');
  assert.equal(answer.heard, `heard ${Math.max(...heard)}`);
  await lastTurn(device.id);
  const { turns } = await muster.call<{ turns: Turn[] }>('GET', `/api/devices/${device.id}/turns`);
  assert.equal(turns.length, 1);
  device.close();
});

const FAILURES: readonly [string, () => void, Turn['errorCode'], RegExp][] = [
  [
    'hearing hangs',
    () => {
      script.stt = () => new Promise(() => undefined);
    },
    'HEARING_TIMEOUT',
    /didn't get that/,
  ],
  [
    'hearing fails',
    () => {
      script.stt = () => Promise.reject(new MusterError('CHILD_CRASHED'));
    },
    'CHILD_CRASHED',
    /can't hear/,
  ],
  [
    'thinking hangs',
    () => {
      script.llm = async function* () {
        await new Promise(() => undefined);
        yield { type: 'text', text: '' };
      };
    },
    'THINKING_TIMEOUT',
    /taking me too long/,
  ],
  [
    'thinking fails',
    () => {
      script.llm = () => failing('PROVIDER_FAILED');
    },
    'PROVIDER_FAILED',
    /can't answer/,
  ],
  [
    'thinking says nothing',
    () => {
      script.llm = async function* () {
        yield { type: 'text', text: ' … ' };
      };
    },
    'PROVIDER_BROKEN',
    /can't answer/,
  ],
  [
    'speaking hangs',
    () => {
      script.tts = async function* () {
        await new Promise(() => undefined);
        yield { pcm: new Int16Array(0), sampleRate: 24_000 };
      };
    },
    'SPEAKING_TIMEOUT',
    /can't speak/,
  ],
  [
    'speaking fails',
    () => {
      script.tts = () => failing('PROVIDER_KEY');
    },
    'PROVIDER_KEY',
    /can't speak/,
  ],
];
for (const [name, breakIt, code, line] of FAILURES) {
  test(`${name}: the person hears a line within 3 s of the limit, and the turn names the fault`, async () => {
    const device = await connected();
    breakIt();
    const answer = await device.talk(speech, { timeoutMs: 8_000 });
    assert.match(answer.sentences.map((s) => s.text).join(' '), line);
    assert.ok(answer.pcm().length > 0, 'it is sound, not only text');
    const { lastVoicedFrameSentAt, lastAudioAt } = answer.times;
    assert.ok((lastAudioAt ?? 0) - (lastVoicedFrameSentAt ?? 0) < 700 + 800 + 3_000);
    const turn = await lastTurn(device.id);
    assert.deepEqual([turn.outcome, turn.errorCode], ['failed', code]);
    script.stt = stub.stt.transcribe;
    script.llm = stub.llm.think;
    script.tts = stub.tts.speak;
    assert.equal((await device.talk(speech)).heard, 'hello there', 'the next turn works');
    device.close();
  });
}

test('a slow model: the device says that it is still working, then the answer comes', async () => {
  const device = await connected();
  script.llm = async function* (request) {
    await delay(700, undefined, { signal: request.signal });
    yield { type: 'text', text: 'Here it is.' };
  };
  const answer = await device.talk(speech);
  assert.deepEqual(
    answer.sentences.map((s) => s.text),
    ['One moment, please.', 'Here it is.'],
  );
  device.close();
});

test('a site that demands screening and has no screener hears only that', async () => {
  await muster.call('PATCH', `/api/sites/${muster.siteId}`, { screening: 'required' });
  try {
    const device = await connected();
    let asked = false;
    script.llm = async function* () {
      asked = true;
      yield { type: 'text', text: 'Should never be said.' };
    };
    const answer = await device.talk(speech);
    assert.match(answer.sentences.map((s) => s.text).join(' '), /requires a screener/);
    assert.equal(asked, false, 'the model is not asked');
    const turn = await lastTurn(device.id);
    assert.deepEqual([turn.outcome, turn.errorCode], ['refused', 'SCREENING_REFUSED']);
    device.close();
  } finally {
    await muster.call('PATCH', `/api/sites/${muster.siteId}`, { screening: 'none' });
  }
});

test('a site that keeps words has them in the recorder', async () => {
  await muster.call('PATCH', `/api/sites/${muster.siteId}`, { keepWords: true });
  try {
    const device = await connected();
    await device.talk(speech);
    const turn = await lastTurn(device.id);
    assert.deepEqual([turn.heard, turn.said], ['hello there', 'This is the answer.']);
    device.close();
  } finally {
    await muster.call('PATCH', `/api/sites/${muster.siteId}`, { keepWords: false });
  }
});

test('past turns are told to the model, as many as the assistant remembers', async () => {
  const device = await connected();
  const histories: number[] = [];
  script.llm = async function* (request) {
    histories.push((request as unknown as { history: unknown[] }).history.length);
    yield { type: 'text', text: 'Yes.' };
  };
  for (let turn = 0; turn < 3; turn++) await device.talk(speech);
  assert.deepEqual(histories, [0, 2, 4]);
  device.close();
});
