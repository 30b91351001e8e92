import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { MusterError } from '@muster/contract';
import { type FakeOpenAi, openAiSubject, startFakeOpenAi, ttsConformance } from '@muster/testkit';
import type { PcmChunk, TextToSpeech } from '../../ports.ts';
import { createOpenAiTts } from './index.ts';

const config = {
  baseUrl: '',
  model: 'tts-1',
  voice: 'alloy',
  format: 'wav',
  pcmRate: 24_000,
  timeoutMs: 500,
} as const;
const signal = new AbortController().signal;

for (const format of ['wav', 'pcm'] as const) {
  ttsConformance(`the OpenAI provider of speech synthesis, asking for ${format},`, async () => {
    const fake = await startFakeOpenAi();
    return openAiSubject(fake, createOpenAiTts({ ...config, format, baseUrl: fake.baseUrl }));
  });
}

async function speak(tts: TextToSpeech, voice: string | null = null): Promise<PcmChunk[]> {
  const chunks: PcmChunk[] = [];
  for await (const chunk of tts.speak('Hello.', { language: 'en', voice, signal })) chunks.push(chunk);
  return chunks;
}

const samples = (chunks: readonly PcmChunk[]): number[] => chunks.flatMap(({ pcm }) => [...pcm]);

describe('the OpenAI provider of speech synthesis', () => {
  let fake: FakeOpenAi;
  before(async () => {
    fake = await startFakeOpenAi();
  });
  beforeEach(() => {
    fake.fault = null;
    fake.voices = null;
    fake.speech = { pcm: Int16Array.from({ length: 5_000 }, (_, i) => i * 5), sampleRate: 22_050 };
  });
  after(() => fake.close());

  it('yields the sound as it comes, sample for sample', async () => {
    fake.fault = { kind: 'slow', pauseMs: 5 };
    const chunks = await speak(createOpenAiTts({ ...config, baseUrl: fake.baseUrl }));
    assert.ok(chunks.length > 3, `${chunks.length} pieces`);
    assert.ok(chunks.every(({ sampleRate }) => sampleRate === 22_050));
    assert.deepEqual(samples(chunks), [...fake.speech.pcm]);
    const bare = await speak(createOpenAiTts({ ...config, format: 'pcm', pcmRate: 16_000, baseUrl: fake.baseUrl }));
    assert.ok(bare.every(({ sampleRate }) => sampleRate === 16_000));
    assert.deepEqual(samples(bare), [...fake.speech.pcm]);
  });

  it('asks once more with its own voice when the server does not have the one wanted', async () => {
    fake.voices = ['alloy'];
    const before = fake.requests.length;
    await speak(createOpenAiTts({ ...config, baseUrl: fake.baseUrl }), 'slt');
    assert.deepEqual(
      fake.requests.slice(before).map(({ json }) => json?.voice),
      ['slt', 'alloy'],
    );
  });

  it('uses one connection for one sentence after the other', async () => {
    const tts = createOpenAiTts({ ...config, baseUrl: fake.baseUrl });
    await speak(tts);
    const before = fake.connections();
    for (let i = 0; i < 3; i += 1) await speak(tts);
    assert.equal(fake.connections(), before);
  });

  it('does not wait for ever in the middle of the sound', async () => {
    fake.fault = { kind: 'stall' };
    const stalled = speak(createOpenAiTts({ ...config, baseUrl: fake.baseUrl, timeoutMs: 200 }));
    await assert.rejects(stalled, (error) => error instanceof MusterError && error.code === 'PROVIDER_TIMEOUT');
  });

  it('takes a WAV file for broken that ends before its size', async () => {
    fake.fault = { kind: 'endsEarly' };
    const short = speak(createOpenAiTts({ ...config, baseUrl: fake.baseUrl }));
    await assert.rejects(short, (error) => error instanceof MusterError && error.code === 'PROVIDER_BROKEN');
  });
});
