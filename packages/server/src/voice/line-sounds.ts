import { codeOf, type Language } from '@muster/contract';
import { type Clock, systemClock } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';
import type { Logger } from '../platform/log.ts';
import { recordSpeech } from './audio/record-speech.ts';
import { type LineKey, lines } from './lines/index.ts';
import type { TextToSpeech } from './ports.ts';

/**
 * The lines that the server says when something failed, spoken once at start and kept: they can be heard when speech
 * synthesis is the very thing that failed.
 */
export interface LineSounds {
  /**
   * 24 kHz, or null when there is none: no provider speaks the language, or none could. Asking for a missing line
   * makes the missing ones of its language in the background, once a minute at most.
   */
  get(key: FixedLine, language: Language): Int16Array | null;
  /**
   * Speaks every fixed line of the language that is missing, by the providers that speak it, in order, until none is
   * missing. Does not reject: what no provider could speak stays missing.
   */
  prepare(language: Language): Promise<void>;
}

/** Lines without placeholders that may be needed when a stage does not work. */
const FIXED = [
  'hearingTimeout',
  'hearingFailed',
  'thinkingTimeout',
  'thinkingFailed',
  'speakingFailed',
  'turnLimit',
  'notHeard',
  'refusedQuestion',
  'refusedAnswer',
  'noScreening',
  'screeningFailed',
  'oneMoment',
] as const satisfies readonly LineKey[];

export type FixedLine = (typeof FIXED)[number];

const LINE_LIMIT_MS = 10_000;
/** From the end of one try to make missing lines to the next, ms. */
const RETRY_MS = 60_000;

export function createLineSounds(
  providers: readonly TextToSpeech[],
  log: Logger,
  clock: Clock = systemClock,
): LineSounds {
  const sounds = new Map<string, Int16Array>();
  /** The work on a language, while it lasts and until it may be tried again. */
  const tried = new Map<Language, { readonly done: Promise<void>; over: number | null }>();

  async function make(tts: TextToSpeech, key: FixedLine, language: Language): Promise<void> {
    const text = lines.say(key, language);
    const limit = { ms: LINE_LIMIT_MS, code: 'SPEAKING_TIMEOUT' } as const;
    sounds.set(
      `${language} ${key}`,
      await within(clock, limit, (signal) => recordSpeech(tts, text, { language, voice: null, signal })),
    );
  }

  /** `cold`: the provider is to be warmed first. A pool that did not start in time may have since, though its start failed. */
  async function makeAll(language: Language, cold: boolean): Promise<void> {
    for (const tts of providers.filter((provider) => provider.speaks(language))) {
      const missing = FIXED.filter((key) => !sounds.has(`${language} ${key}`));
      if (missing.length === 0) return;
      try {
        if (cold) await tts.warm();
        const made = await Promise.allSettled(missing.map((key) => make(tts, key, language)));
        for (const one of made) if (one.status === 'rejected') throw one.reason;
      } catch (error) {
        const fields = { err: error, code: codeOf(error), language, tts: tts.id };
        log.warn(fields, 'lines of the server could not be spoken by a provider');
      }
    }
  }

  function begin(language: Language, cold: boolean): Promise<void> {
    const entry = {
      over: null as number | null,
      done: makeAll(language, cold).finally(() => {
        entry.over = clock.monotonic();
      }),
    };
    tried.set(language, entry);
    return entry.done;
  }

  return {
    get(key, language) {
      const sound = sounds.get(`${language} ${key}`);
      if (sound !== undefined) return sound;
      const last = tried.get(language);
      const due = last === undefined || (last.over !== null && clock.monotonic() - last.over >= RETRY_MS);
      if (due) void begin(language, last === undefined);
      return null;
    },
    prepare(language) {
      const last = tried.get(language);
      return last !== undefined && last.over === null ? last.done : begin(language, last === undefined);
    },
  };
}
