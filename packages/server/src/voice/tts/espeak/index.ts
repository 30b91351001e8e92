import { access, constants } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { type Language, LIMITS, MusterError } from '@muster/contract';
import { type Static, Type } from 'typebox';
import { defineTts, type ProviderDeps, type TextToSpeech } from '../../ports.ts';
import { createGate } from './gate.ts';
import { runEspeak } from './run.ts';

const Config = Type.Object({
  command: Type.String({
    minLength: 1,
    default: 'espeak-ng',
    description: 'The program: an absolute path, or a name that is looked for in /usr/bin, /usr/local/bin and /bin',
  }),
  processes: Type.Integer({ minimum: 1, maximum: 64, default: 4, description: 'Sentences spoken at a time' }),
  queue: Type.Integer({ minimum: 1, maximum: 1_000, default: 64, description: 'Sentences that may wait' }),
  timeoutMs: Type.Integer({
    minimum: 100,
    maximum: 60_000,
    default: 5_000,
    description: 'Longest time to speak one sentence, ms; the wait for its turn comes on top, up to as much again',
  }),
});

/** Where operating systems put programs. Our own search path may hold folders that anyone can write to. */
const FOLDERS = ['/usr/bin', '/usr/local/bin', '/bin'];

/** The names that espeak-ng has for our languages. */
const VOICES: Readonly<Record<Language, string>> = { en: 'en', vi: 'vi', ar: 'ar', zh: 'cmn' };

export const provider = defineTts({
  id: 'espeak',
  order: 200,
  config: Config,
  configured: async ({ command }) => (await findProgram(command)) !== null,
  create: createEspeak,
});

/**
 * espeak-ng as one child process a sentence: it starts in 10 ms and needs 8 MB, and its licence (GPL-3) stays outside
 * of our process. Every language that Muster has words in.
 */
export async function createEspeak(config: Static<typeof Config>, { clock }: ProviderDeps): Promise<TextToSpeech> {
  const program = await findProgram(config.command);
  if (program === null) throw new MusterError('PROVIDER_FAILED', { command: config.command });
  const gate = createGate({ places: config.processes, queue: config.queue, clock });
  const closing = new AbortController();
  return {
    id: 'espeak',
    speaks: (language) => Object.hasOwn(VOICES, language),
    async *speak(text, options) {
      if (text.length > LIMITS.textChars) {
        throw new MusterError('PROVIDER_REFUSED', { chars: text.length, limit: LIMITS.textChars });
      }
      const signal = AbortSignal.any([options.signal, closing.signal]);
      const leave = await gate.enter(signal, config.timeoutMs);
      try {
        const voice = VOICES[options.language];
        yield* runEspeak({ program, voice, text, timeoutMs: config.timeoutMs, clock, signal });
      } finally {
        leave();
      }
    },
    warm: async () => undefined,
    close: async () => closing.abort(new MusterError('SERVER_STOPPING')),
  };
}

async function findProgram(command: string): Promise<string | null> {
  const candidates = isAbsolute(command) ? [command] : FOLDERS.map((folder) => join(folder, command));
  for (const candidate of candidates) {
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return candidate;
  }
  return null;
}
