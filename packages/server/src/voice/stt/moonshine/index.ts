import { availableParallelism } from 'node:os';
import { LIMITS, MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { type ChildPoolState, createChildPool } from '../../../platform/children/pool.ts';
import { defineStt, HEARING_RATE, type ProviderDeps, type SpeechToText } from '../../ports.ts';

const Config = Type.Object({
  children: Type.Integer({
    minimum: 0,
    maximum: 32,
    default: 0,
    description: 'Processes that hear, one core each; 0 means one for each core, at most 2',
  }),
  queue: Type.Integer({ minimum: 1, maximum: 1_000, default: 32, description: 'Utterances that may wait' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 8_000,
    description: 'Longest wait for the words of one utterance, ms',
  }),
});

/** Longest load and warm-up, ms: 3 s on two shared cores, several times that on a small board. */
const START_MS = 60_000;
/** The encoder takes 30 s of sound in one native call that cannot be interrupted: 1 s on a PC, more on a board. */
const GRACE_MS = 5_000;
const LONGEST_SAMPLES = (LIMITS.utteranceMs / 1_000) * HEARING_RATE;

export const provider = defineStt({
  id: 'moonshine',
  order: 100,
  config: Config,
  configured: () => true,
  create: createMoonshine,
});

/** Moonshine tiny on onnxruntime in child processes: English, no key, no network. */
export function createMoonshine(
  config: Static<typeof Config>,
  { log, clock }: ProviderDeps,
): SpeechToText & { state(): ChildPoolState } {
  const pool = createChildPool<Int16Array, string>({
    name: 'moonshine',
    kind: 'process',
    module: new URL('./child.ts', import.meta.url),
    init: null,
    count: config.children === 0 ? Math.min(2, availableParallelism()) : config.children,
    perChild: 1,
    queue: config.queue,
    startMs: START_MS,
    graceMs: GRACE_MS,
    clock,
    log,
  });
  return {
    id: 'moonshine',
    speaks: (language) => language === 'en',
    async transcribe(pcm, { language, signal }) {
      if (language !== 'en') throw new MusterError('LANGUAGE_UNSUPPORTED', { provider: 'moonshine', language });
      if (pcm.length > LONGEST_SAMPLES) {
        throw new MusterError('PROVIDER_REFUSED', { samples: pcm.length, limit: LONGEST_SAMPLES });
      }
      return pool.call(pcm, { signal, timeoutMs: config.timeoutMs });
    },
    warm: () => pool.start(),
    close: () => pool.close(),
    state: () => pool.state(),
  };
}
