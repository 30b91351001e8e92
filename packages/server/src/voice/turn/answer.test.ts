import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createLogger } from '../../platform/log.ts';
import type { FixedLine } from '../line-sounds.ts';
import type { LanguageModel, SpeechToText, TextToSpeech, ThinkRequest, VoiceLink } from '../ports.ts';
import { passThrough } from '../screening/pass-through.ts';
import { type AnswerDeps, type AnswerInput, createAnswer } from './answer.ts';
import { createPlayout } from './playout.ts';

const idle = { warm: async () => undefined, close: async () => undefined };
const LIMITS = {
  hearingMs: 6_000,
  thinkingMs: 8_000,
  speakingMs: 5_000,
  screeningMs: 1_000,
  toolMs: 30_000,
  turnMs: 60_000,
  momentMs: 2_000,
};

interface Changes {
  readonly words?: string;
  readonly think?: (request: ThinkRequest) => AsyncGenerator<string>;
  readonly second?: (request: ThinkRequest) => AsyncGenerator<string>;
  readonly accept?: () => boolean;
  readonly sounds?: readonly FixedLine[];
  readonly callTool?: AnswerDeps['callTool'];
}

/** An answer whose engines and device are scripted; all between them is real. */
function begin(input: AnswerInput, changes: Changes = {}) {
  const clock = createVirtualClock();
  const told: string[] = [];
  const turn = new AbortController();
  const link: VoiceLink = {
    deviceId: 'd',
    siteId: 's',
    sessionId: 'x',
    deviceName: 'kitchen',
    heard: (text) => void told.push(`heard ${text}`),
    emotion: () => undefined,
    speechStart: () => void told.push('start'),
    sentence: (text) => void told.push(`"${text}"`),
    audio: () => (changes.accept ?? (() => true))(),
    speechStop: () => void told.push('stop'),
    alert: (status) => void told.push(`alert ${status}`),
    tools: () => [],
  };
  const stt: SpeechToText = {
    ...idle,
    id: 'stt',
    speaks: () => true,
    transcribe: async () => changes.words ?? 'What time is it?',
  };
  const model = (id: string, think: NonNullable<Changes['think']>): LanguageModel => ({
    ...idle,
    id,
    async *think(request) {
      for await (const text of think(request)) yield { type: 'text', text };
    },
  });
  const tts: TextToSpeech = {
    ...idle,
    id: 'tts',
    speaks: () => true,
    async *speak() {
      yield { pcm: new Int16Array(1_440 * 10), sampleRate: 24_000 };
    },
  };
  const llm = [
    model(
      'first',
      changes.think ??
        async function* () {
          yield 'Noon.';
        },
    ),
    ...(changes.second === undefined ? [] : [model('second', changes.second)]),
  ];
  const playout = createPlayout({
    link,
    clock,
    encode: (frame) => new Uint8Array(frame.length),
    onSound: () => undefined,
  });
  const answer = createAnswer(
    {
      clock,
      log: createLogger('silent'),
      link,
      playout,
      limits: LIMITS,
      voice: {
        assistantName: 'Muster',
        persona: '',
        language: 'en',
        voice: null,
        timeZone: 'UTC',
        siteId: 's',
        screener: passThrough,
        stt: [stt],
        llm,
        tts: [tts],
      },
      history: [],
      tools: [],
      callTool: changes.callTool ?? (async () => 'done'),
      lineSound: (key) => (changes.sounds?.includes(key) ? new Int16Array(1_440) : null),
      onProviderFailure: () => undefined,
    },
    input,
    turn.signal,
  );
  return { clock, told, answer };
}

const speech = { cause: 'speech', pcm: new Int16Array(16_000), spokenMs: 1_000 } as const;

async function reportOf({ clock, answer }: ReturnType<typeof begin>) {
  answer.commit(clock.monotonic());
  await clock.advance(100_000);
  const report = await answer.done;
  assert.ok(report !== null);
  assert.equal(clock.waiting, 0, 'no timer is left');
  return report;
}

test('a question is answered', async () => {
  const begun = begin(speech);
  const { outcome, errorCode, said, llm } = await reportOf(begun);
  assert.deepEqual(
    { outcome, errorCode, said, llm },
    { outcome: 'answered', errorCode: null, said: 'Noon.', llm: 'first' },
  );
  assert.deepEqual(begun.told, ['heard What time is it?', 'start', '"Noon."', 'stop']);
});

test('words that are not found: silence for an open microphone, a line for a pressed button', async () => {
  const open = begin(speech, { words: ' ... ', sounds: ['notHeard', 'oneMoment'] });
  assert.equal((await reportOf(open)).outcome, 'nothingHeard');
  assert.deepEqual(open.told, []);
  const pressed = begin({ ...speech, sayWhenNothingHeard: true }, { words: '', sounds: ['notHeard', 'oneMoment'] });
  assert.equal((await reportOf(pressed)).outcome, 'nothingHeard');
  assert.deepEqual(pressed.told, ['start', '"Sorry, I didn\'t hear you."', 'stop']);
});

test('"one moment" is said when there is sound for it, and is never an alert', async () => {
  const slow = (clock: () => ReturnType<typeof begin>) =>
    async function* () {
      await new Promise<void>((resolve) => clock().clock.after(5_000, resolve));
      yield 'Noon.';
    };
  const without: ReturnType<typeof begin> = begin(speech, { think: slow(() => without) });
  assert.equal((await reportOf(without)).outcome, 'answered');
  assert.deepEqual(without.told, ['heard What time is it?', 'start', '"Noon."', 'stop']);
  const withSound: ReturnType<typeof begin> = begin(speech, { think: slow(() => withSound), sounds: ['oneMoment'] });
  await reportOf(withSound);
  assert.deepEqual(withSound.told.slice(2), ['"One moment, please."', '"Noon."', 'stop']);
});

test('a device that is gone in the middle of the answer is a disconnection, no failure', async () => {
  let frames = 0;
  const begun: ReturnType<typeof begin> = begin(speech, {
    accept: () => ++frames < 3,
    async *think() {
      yield 'Noon. ';
      await new Promise<void>((resolve) => begun.clock.after(1_000, resolve));
      yield 'It is late.';
    },
  });
  const { outcome, errorCode } = await reportOf(begun);
  assert.deepEqual([outcome, errorCode], ['disconnected', null]);
  assert.equal(
    begun.told.some((what) => what.startsWith('alert')),
    false,
  );
});

test('nothing acts before the turn is certain, and nothing acts twice', async () => {
  const called: string[] = [];
  let seconds = 0;
  const begun = begin(speech, {
    async *think({ callTool }) {
      await callTool('set_timer', {});
      yield await Promise.reject(new MusterError('PROVIDER_BROKEN'));
    },
    async *second() {
      seconds += 1;
      yield 'Me too.';
    },
    callTool: async (name) => {
      called.push(name);
      return 'done';
    },
    sounds: ['thinkingFailed'],
  });
  await begun.clock.advance(20_000);
  assert.deepEqual(called, []);
  const { outcome, errorCode, tools } = await reportOf(begun);
  assert.deepEqual([outcome, errorCode], ['failed', 'PROVIDER_BROKEN']);
  assert.deepEqual(called, ['set_timer']);
  assert.equal(tools[0]?.ok, true);
  assert.equal(seconds, 0);
});
