import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { ttsConformance, wordErrors } from '@muster/testkit';
import { systemClock } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/log.ts';
import { createMoonshine } from '../../stt/moonshine/index.ts';
import { createFlite } from './index.ts';

const deps = { log: createLogger('silent'), clock: systemClock };
const signal = new AbortController().signal;
const refusesWith = (code: string) => (error: unknown) => error instanceof MusterError && error.code === code;

const SENTENCES = [
  'It is a quarter past three in the afternoon.',
  'Your timer for ten minutes is set.',
  'The volume is now seventy percent.',
  'You can ask me for the time, a timer, or a joke.',
];

describe('flite', () => {
  const tts = createFlite({ voice: 'slt', threads: 2, queue: 8, timeoutMs: 20_000 }, deps);
  before(() => tts.warm());
  after(() => tts.close());

  async function speak(text: string, voice: string | null = null) {
    const chunks = [];
    for await (const chunk of tts.speak(text, { language: 'en', voice, signal })) chunks.push(chunk);
    const [chunk] = chunks;
    assert.ok(chunk && chunks.length === 1);
    return chunk;
  }

  ttsConformance(
    'flite',
    () => ({ port: tts, setFault: () => undefined, open: () => tts.state().waiting, close: async () => undefined }),
    [],
  );

  it('says what moonshine understands', async () => {
    const stt = createMoonshine({ children: 1, queue: 8, timeoutMs: 30_000 }, deps);
    try {
      await stt.warm();
      let errors = 0;
      let words = 0;
      for (const sentence of SENTENCES) {
        const { pcm, sampleRate } = await speak(sentence);
        assert.equal(sampleRate, 16_000);
        const result = wordErrors(sentence, await stt.transcribe(pcm, { language: 'en', signal }));
        errors += result.errors;
        words += result.words;
      }
      assert.ok(errors / words < 0.15, `${errors} of ${words} words were misunderstood`);
    } finally {
      await stt.close();
    }
  });

  it('has five voices, and speaks with its default for a name that it does not know', async () => {
    const lengths = new Map<string, number>();
    for (const voice of ['slt', 'rms', 'awb', 'kal', 'kal16', 'nobody']) {
      const { pcm, sampleRate } = await speak('Good morning.', voice);
      assert.equal(sampleRate, voice === 'kal' ? 8_000 : 16_000);
      assert.ok(pcm.length > sampleRate / 3);
      lengths.set(voice, pcm.length);
    }
    assert.equal(lengths.get('nobody'), lengths.get('slt'));
    assert.notEqual(lengths.get('rms'), lengths.get('slt'));
  });

  it('takes any text', async () => {
    for (const text of ['', ' ', '...', '-o /etc/passwd', '--help', 'a\0b', '你好 🙂', `${'word '.repeat(100)}`]) {
      assert.ok((await speak(text)).pcm.length > 0, text);
    }
    await assert.rejects(speak('a'.repeat(4_001)), refusesWith('PROVIDER_REFUSED'));
  });

  it('drops what was aborted and speaks on', async () => {
    const stop = new AbortController();
    const reason = new Error('barge-in');
    const words = 'word '.repeat(200);
    const aborted = tts
      .speak(words, { language: 'en', voice: null, signal: stop.signal })
      [Symbol.asyncIterator]()
      .next();
    stop.abort(reason);
    await assert.rejects(async () => aborted, reason);
    assert.ok((await speak('Hello.')).pcm.length > 0);
    assert.equal(tts.state().restarts, 0);
  });

  it('refuses other languages', async () => {
    assert.equal(tts.speaks('ar'), false);
    const speech = tts.speak('Xin chào', { language: 'vi', voice: null, signal });
    await assert.rejects(async () => speech[Symbol.asyncIterator]().next(), refusesWith('LANGUAGE_UNSUPPORTED'));
  });
});
