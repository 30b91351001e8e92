import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MusterError } from '@muster/contract';
import { createVirtualClock } from '@muster/testkit';
import { createLogger } from '../platform/log.ts';
import { createLineSounds } from './line-sounds.ts';
import { lines } from './lines/index.ts';
import type { TextToSpeech } from './ports.ts';

/** A synthesiser whose sound is its own number; `broken` says which texts it cannot speak. */
function synthesiser(id: string, sample: number, broken: (text: string) => boolean = () => false) {
  const spoken: string[] = [];
  const tts: TextToSpeech = {
    id,
    speaks: (language) => language === 'en',
    async *speak(text) {
      spoken.push(text);
      if (broken(text)) throw new MusterError('PROVIDER_FAILED');
      yield { pcm: new Int16Array(10).fill(sample), sampleRate: 24_000 };
    },
    warm: async () => undefined,
    close: async () => undefined,
  };
  return { tts, spoken };
}
const silent = createLogger('silent');

test('every line is made once by the first provider, in its language only', async () => {
  const first = synthesiser('first', 1);
  const second = synthesiser('second', 2);
  const sounds = createLineSounds([first.tts, second.tts], silent, createVirtualClock());
  await sounds.prepare('en');
  await sounds.prepare('en');
  assert.equal(new Set(first.spoken).size, first.spoken.length);
  assert.deepEqual(second.spoken, []);
  assert.deepEqual(sounds.get('thinkingFailed', 'en'), new Int16Array(10).fill(1));
  assert.equal(sounds.get('thinkingFailed', 'vi'), null);
});

test('lines that the first provider cannot speak are spoken by the next, also when it gives no sound', async () => {
  const notHeard = lines.say('notHeard', 'en');
  const first = synthesiser('first', 1, (text) => text === notHeard);
  const mute: TextToSpeech = {
    ...first.tts,
    id: 'mute',
    async *speak() {
      // no sound
    },
  };
  const second = synthesiser('second', 2);
  const sounds = createLineSounds([first.tts, mute, second.tts], silent, createVirtualClock());
  await sounds.prepare('en');
  assert.equal(sounds.get('notHeard', 'en')?.[0], 2);
  assert.equal(sounds.get('thinkingFailed', 'en')?.[0], 1);
  assert.deepEqual(second.spoken, [notHeard]);
});

test('a provider that does not come up is passed over, one that hangs is left', async () => {
  const clock = createVirtualClock();
  const cold: TextToSpeech = {
    ...synthesiser('cold', 1).tts,
    warm: () => Promise.reject(new MusterError('CHILD_TIMEOUT')),
  };
  const hangs: TextToSpeech = {
    ...synthesiser('hangs', 2).tts,
    async *speak() {
      yield await new Promise<never>(() => undefined);
    },
  };
  const sounds = createLineSounds([cold, hangs, synthesiser('works', 3).tts], silent, clock);
  const prepared = sounds.prepare('en');
  await clock.advance(10_000);
  await prepared;
  assert.equal(sounds.get('notHeard', 'en')?.[0], 3);
});

test('what is missing is tried again when it is asked for, once a minute at most', async () => {
  let down = true;
  const clock = createVirtualClock();
  const { tts, spoken } = synthesiser('recovers', 1, () => down);
  let warmed = 0;
  const pool: TextToSpeech = {
    ...tts,
    // the start of a pool that took too long stays failed
    warm: () => (warmed++ === 0 ? Promise.resolve() : Promise.reject(new MusterError('CHILD_TIMEOUT'))),
  };
  const sounds = createLineSounds([pool], silent, clock);
  await sounds.prepare('en');
  const tries = spoken.length;
  down = false;
  await clock.advance(59_999);
  assert.equal(sounds.get('notHeard', 'en'), null);
  await clock.advance(1);
  assert.equal(spoken.length, tries, 'not yet');
  assert.equal(sounds.get('notHeard', 'en'), null);
  assert.equal(sounds.get('turnLimit', 'en'), null);
  await clock.advance(0);
  assert.equal(sounds.get('notHeard', 'en')?.[0], 1);
  assert.equal(spoken.length, 2 * tries, 'one try, not one for each question');
});
