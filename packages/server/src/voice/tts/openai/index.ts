import { codeOf, LIMITS, MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { readPcmStream, readWavStream } from '../../audio/wav-stream.ts';
import { type OpenAiResponse, postOpenAi } from '../../openai-http.ts';
import { defineTts, type TextToSpeech } from '../../ports.ts';

const FORMATS = ['pcm', 'wav'] as const;
type Format = (typeof FORMATS)[number];

const Config = Type.Object({
  baseUrl: Type.String({
    default: '',
    pattern: '^($|https?://)',
    description: 'Base URL of a server with /audio/speech, such as https://api.openai.com/v1; empty: not used',
  }),
  apiKey: Type.Optional(Type.String({ secret: true, description: 'Key of that server; local ones need none' })),
  model: Type.String({ default: 'tts-1', description: 'Model that speaks' }),
  voice: Type.String({ default: 'alloy', description: 'Voice when the assistant has none' }),
  format: Type.Unsafe<Format>(
    Type.String({
      enum: [...FORMATS],
      default: 'wav',
      description: 'What is asked for: wav says its own rate; pcm is taken as 16 bits at pcmRate',
    }),
  ),
  pcmRate: Type.Integer({ minimum: 8_000, maximum: 48_000, default: 24_000, description: 'Rate of pcm answers, Hz' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 120_000,
    default: 10_000,
    description: 'Longest wait for the first sound, and between two pieces of it, ms',
  }),
});

/** Four minutes at 48 kHz: more than the longest text takes. */
const ANSWER_BYTES = 24_000_000;

export const provider = defineTts({
  id: 'openai',
  order: 10,
  config: Config,
  configured: ({ baseUrl }) => baseUrl !== '',
  create: createOpenAiTts,
});

/** Any server with OpenAI's speech API. It is asked in every language; which it knows depends on its model. */
export function createOpenAiTts(config: Static<typeof Config>): TextToSpeech {
  const ask = (text: string, voice: string, signal: AbortSignal): Promise<OpenAiResponse> =>
    postOpenAi({
      baseUrl: config.baseUrl,
      apiKey: config.apiKey ?? '',
      path: '/audio/speech',
      body: { model: config.model, voice, input: text, response_format: config.format },
      timeoutMs: config.timeoutMs,
      idleMs: config.timeoutMs,
      maxBytes: ANSWER_BYTES,
      signal,
    });

  return {
    id: 'openai',
    speaks: () => true,
    async *speak(text, { voice, signal }) {
      if (text.length > LIMITS.textChars) {
        throw new MusterError('PROVIDER_REFUSED', { chars: text.length, limit: LIMITS.textChars });
      }
      const { contentType, body } = await ask(text, voice ?? config.voice, signal).catch((error: unknown) => {
        // The voice may be one of another provider; which ones this server has cannot be asked.
        if (voice === null || codeOf(error) !== 'PROVIDER_REFUSED') throw error;
        return ask(text, config.voice, signal);
      });
      let sounded = false;
      for await (const chunk of config.format === 'wav' ? readWavStream(body) : readPcmStream(body, config.pcmRate)) {
        if (config.format === 'pcm' && !sounded && !/^(audio\/|application\/octet-stream|$)/.test(contentType)) {
          throw new MusterError('PROVIDER_BROKEN', { contentType: contentType.slice(0, 80) });
        }
        sounded = true;
        yield chunk;
      }
      if (!sounded) throw new MusterError('PROVIDER_BROKEN', { why: 'no sound' });
    },
    warm: async () => undefined,
    close: async () => undefined,
  };
}
