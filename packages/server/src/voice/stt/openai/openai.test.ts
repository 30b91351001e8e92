import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { decodeWav, MusterError } from '@muster/contract';
import { type FakeOpenAi, openAiSubject, startFakeOpenAi, sttConformance } from '@muster/testkit';
import { createOpenAiStt, provider } from './index.ts';

const config = { baseUrl: '', apiKey: 'sk-test', model: 'whisper-1', timeoutMs: 500 };
const speech = Int16Array.from({ length: 16_000 }, (_, i) => 5_000 * Math.sin(i / 20));
const signal = new AbortController().signal;

sttConformance('the OpenAI provider of speech recognition', async () => {
  const fake = await startFakeOpenAi({ apiKey: 'sk-test' });
  const port = createOpenAiStt({ ...config, baseUrl: fake.baseUrl });
  return { ...openAiSubject(fake, port), speech: { pcm: speech, words: ['hello', 'fake'] } };
});

describe('the OpenAI provider of speech recognition', () => {
  let fake: FakeOpenAi;
  before(async () => {
    fake = await startFakeOpenAi({ apiKey: 'sk-test' });
  });
  beforeEach(() => {
    fake.transcript = 'hello';
  });
  after(() => fake.close());

  it('sends the sound as a WAV file with model and language, and its key', async () => {
    await createOpenAiStt({ ...config, baseUrl: `${fake.baseUrl}/` }).transcribe(speech, { language: 'vi', signal });
    const request = fake.requests.at(-1);
    assert.equal(request?.path, '/v1/audio/transcriptions');
    assert.equal(request.authorization, 'Bearer sk-test');
    const form = request.body.toString('latin1');
    assert.match(form, /name="model"\r\n\r\nwhisper-1\r\n/);
    assert.match(form, /name="language"\r\n\r\nvi\r\n/);
    const wav = decodeWav(request.body.subarray(request.body.indexOf('RIFF')).subarray(0, 44 + speech.length * 2));
    assert.equal(wav.sampleRate, 16_000);
    assert.deepEqual(wav.pcm, speech);
  });

  it('sends no key when there is none', async () => {
    const open = await startFakeOpenAi();
    try {
      const stt = createOpenAiStt({ baseUrl: open.baseUrl, model: 'whisper-1', timeoutMs: 500 });
      assert.equal(await stt.transcribe(speech, { language: 'en', signal }), open.transcript);
      assert.equal(open.requests[0]?.authorization, null);
    } finally {
      await open.close();
    }
  });

  it('takes an answer larger than its bound for broken', async () => {
    fake.transcript = 'word '.repeat(300_000);
    await assert.rejects(
      createOpenAiStt({ ...config, baseUrl: fake.baseUrl }).transcribe(speech, { language: 'en', signal }),
      (error) => error instanceof MusterError && error.code === 'PROVIDER_BROKEN',
    );
  });

  it('is used only when a base URL is given', () => {
    assert.equal(provider.configured(config), false);
    assert.equal(provider.configured({ ...config, baseUrl: fake.baseUrl }), true);
  });
});
