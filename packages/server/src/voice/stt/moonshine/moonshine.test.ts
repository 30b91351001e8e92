import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { humanRecordings, recordingsMissing, sttConformance, wordErrors } from '@muster/testkit';
import { systemClock } from '../../../platform/clock.ts';
import { createLogger } from '../../../platform/log.ts';
import { createMoonshine } from './index.ts';
import { textOf } from './tokens.ts';

const signal = new AbortController().signal;
const refusesWith = (code: string) => (error: unknown) => error instanceof MusterError && error.code === code;

/** What a suite needs of a provider without a far side, that is closed elsewhere. */
const standing = { setFault: () => undefined, open: () => 0, close: async () => undefined };

describe('moonshine', () => {
  const stt = createMoonshine(
    { children: 1, queue: 32, timeoutMs: 30_000 },
    { log: createLogger('silent'), clock: systemClock },
  );
  before(() => stt.warm());
  after(() => stt.close());

  it('hears people with at most 6 % of the words wrong', { skip: recordingsMissing }, async () => {
    let errors = 0;
    let words = 0;
    for (const recording of humanRecordings()) {
      const result = wordErrors(recording.words, await stt.transcribe(recording.pcm, { language: 'en', signal }));
      errors += result.errors;
      words += result.words;
    }
    assert.ok(words >= 80, `${words} words in the recordings`);
    assert.ok(errors / words <= 0.06, `${errors} of ${words} words are wrong`);
  });

  if (recordingsMissing === false) {
    const sentence = humanRecordings().find(({ name }) => name === 'goforward');
    const speech = { pcm: sentence?.pcm ?? new Int16Array(0), words: ['go', 'forward', 'ten', 'meters'] };
    sttConformance('moonshine', () => ({ ...standing, port: stt, speech }), []);
  }

  it('hears nothing in silence, in no sound at all and in a click', async () => {
    for (const samples of [0, 1, 800, 16_000]) {
      assert.equal(await stt.transcribe(new Int16Array(samples), { language: 'en', signal }), '');
    }
  });

  it('stops between steps of the decoder when aborted, and takes the next call', async () => {
    const stop = new AbortController();
    const noise = Int16Array.from({ length: 16_000 * 10 }, (_, i) => 6_000 * Math.sin(i / 9) * Math.sin(i / 1_500));
    const first = stt.transcribe(noise, { language: 'en', signal: stop.signal });
    const reason = new Error('the person went on talking');
    stop.abort(reason);
    await assert.rejects(first, reason);
    assert.equal(await stt.transcribe(new Int16Array(16_000), { language: 'en', signal }), '');
    assert.equal(stt.state().restarts, 0);
  });

  it('refuses other languages and speech longer than 30 s', async () => {
    assert.equal(stt.speaks('vi'), false);
    await assert.rejects(
      stt.transcribe(new Int16Array(16_000), { language: 'vi', signal }),
      refusesWith('LANGUAGE_UNSUPPORTED'),
    );
    await assert.rejects(
      stt.transcribe(new Int16Array(16_000 * 30 + 1), { language: 'en', signal }),
      refusesWith('PROVIDER_REFUSED'),
    );
  });
});

describe('tokens of moonshine', () => {
  it('become words; specials and unknown ids vanish, bytes become characters', () => {
    assert.equal(textOf([]), '');
    assert.equal(textOf([1, 2, 32_700]), '');
    assert.equal(textOf([3 + 0xc3, 3 + 0xa9]), 'é');
    assert.equal(textOf([3 + 0xff]), '\ufffd');
  });
});
