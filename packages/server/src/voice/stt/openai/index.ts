import { encodeWav, MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { postOpenAi, readJson } from '../../openai-http.ts';
import { defineStt, HEARING_RATE, type SpeechToText } from '../../ports.ts';

const Config = Type.Object({
  baseUrl: Type.String({
    default: '',
    pattern: '^($|https?://)',
    description: 'Base URL of a server with /audio/transcriptions, such as https://api.openai.com/v1; empty: not used',
  }),
  apiKey: Type.Optional(Type.String({ secret: true, description: 'Key of that server; local ones need none' })),
  model: Type.String({ default: 'whisper-1', description: 'Model that hears' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    default: 10_000,
    description: 'Longest wait for the words of one utterance, ms',
  }),
});

/** 30 s of speech are 2 kB of JSON; some servers add time stamps for each word. */
const ANSWER_BYTES = 1_000_000;

export const provider = defineStt({
  id: 'openai',
  order: 10,
  config: Config,
  configured: ({ baseUrl }) => baseUrl !== '',
  create: createOpenAiStt,
});

/** Any server with OpenAI's transcription API. It is asked in every language; which it knows depends on its model. */
export function createOpenAiStt(config: Static<typeof Config>): SpeechToText {
  return {
    id: 'openai',
    speaks: () => true,
    async transcribe(pcm, { language, signal }) {
      const body = new FormData();
      body.set(
        'file',
        new Blob([encodeWav(pcm, HEARING_RATE) as Uint8Array<ArrayBuffer>], { type: 'audio/wav' }),
        'speech.wav',
      );
      body.set('model', config.model);
      body.set('language', language);
      body.set('response_format', 'json');
      const answer = await readJson(
        await postOpenAi({
          baseUrl: config.baseUrl,
          apiKey: config.apiKey ?? '',
          path: '/audio/transcriptions',
          body,
          timeoutMs: config.timeoutMs,
          idleMs: config.timeoutMs,
          maxBytes: ANSWER_BYTES,
          signal,
        }),
      );
      return wordsOf(answer);
    },
    warm: async () => undefined,
    close: async () => undefined,
  };
}

function wordsOf(answer: unknown): string {
  if (typeof answer === 'object' && answer !== null && 'text' in answer && typeof answer.text === 'string') {
    return answer.text.trim();
  }
  throw new MusterError('PROVIDER_BROKEN', { why: 'no text in the transcription' });
}
