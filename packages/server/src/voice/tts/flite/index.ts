import { LIMITS, MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { type ChildPoolState, createChildPool } from '../../../platform/children/pool.ts';
import { defineTts, type PcmChunk, type ProviderDeps, type TextToSpeech } from '../../ports.ts';
import type { FliteRequest } from './child.ts';

/** The voices inside the engine; kal speaks at 8 kHz, the others at 16 kHz. */
const VOICES = ['slt', 'rms', 'awb', 'kal', 'kal16'] as const;
type Voice = (typeof VOICES)[number];

const Config = Type.Object({
  voice: Type.Unsafe<Voice>(
    Type.String({
      enum: [...VOICES],
      default: 'slt',
      description: 'Voice when the assistant has none: slt (female), rms, awb, kal or kal16 (male)',
    }),
  ),
  threads: Type.Integer({ minimum: 1, maximum: 32, default: 2, description: 'Threads that speak' }),
  queue: Type.Integer({ minimum: 1, maximum: 1_000, default: 64, description: 'Sentences that may wait' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 5_000,
    description: 'Longest wait for the sound of one sentence, ms',
  }),
});

/** Longest compile and warm-up, ms: 0.5 s on two shared cores, several times that on a small board. */
const START_MS = 30_000;
/** A sentence cannot be interrupted; the longest text takes 3 s on a PC. */
const GRACE_MS = 5_000;

export const provider = defineTts({
  id: 'flite',
  order: 100,
  config: Config,
  configured: () => true,
  create: createFlite,
});

/** Flite as WebAssembly in threads: English, no key, no network. Understandable, and audibly a machine. */
export function createFlite(
  config: Static<typeof Config>,
  { log, clock }: ProviderDeps,
): TextToSpeech & { state(): ChildPoolState } {
  const pool = createChildPool<FliteRequest, PcmChunk>({
    name: 'flite',
    kind: 'thread',
    module: new URL('./child.ts', import.meta.url),
    init: { voice: config.voice },
    count: config.threads,
    perChild: 1,
    queue: config.queue,
    startMs: START_MS,
    graceMs: GRACE_MS,
    clock,
    log,
  });
  return {
    id: 'flite',
    speaks: (language) => language === 'en',
    async *speak(text, { language, voice, signal }) {
      if (language !== 'en') throw new MusterError('LANGUAGE_UNSUPPORTED', { provider: 'flite', language });
      if (text.length > LIMITS.textChars) {
        throw new MusterError('PROVIDER_REFUSED', { chars: text.length, limit: LIMITS.textChars });
      }
      const request = {
        // The text is an argument of a C program: a NUL would end it.
        text: text.replaceAll('\0', ' '),
        voice: VOICES.find((known) => known === voice) ?? config.voice,
      };
      yield await pool.call(request, { signal, timeoutMs: config.timeoutMs });
    },
    warm: () => pool.start(),
    close: () => pool.close(),
    state: () => pool.state(),
  };
}
