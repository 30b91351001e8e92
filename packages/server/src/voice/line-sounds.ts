import type { Language } from '@muster/contract';
import type { Logger } from '../platform/log.ts';
import { createResampler, type Resampler } from './audio/resample.ts';
import { type LineKey, lines } from './lines/index.ts';
import { SPEAKING_RATE, type TextToSpeech } from './ports.ts';

/**
 * The lines that the server says when something failed, spoken once at start and kept: they can be heard when speech
 * synthesis is the very thing that failed.
 */
export interface LineSounds {
  /** 24 kHz, or null when no provider speaks the language. */
  get(key: FixedLine, language: Language): Int16Array | null;
  /** Speaks every fixed line of the language that is missing. A line that cannot be made stays missing. */
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
  'goodbye',
  'serverStopping',
  'oneMoment',
] as const satisfies readonly LineKey[];

export type FixedLine = (typeof FIXED)[number];

const LINE_LIMIT_MS = 10_000;

export function createLineSounds(providers: readonly TextToSpeech[], log: Logger): LineSounds {
  const sounds = new Map<string, Int16Array>();

  async function record(tts: TextToSpeech, text: string, language: Language): Promise<Int16Array> {
    const parts: Int16Array[] = [];
    const signal = AbortSignal.timeout(LINE_LIMIT_MS);
    let resampler: Resampler | null = null;
    for await (const { pcm, sampleRate } of tts.speak(text, { language, voice: null, signal })) {
      if (sampleRate === SPEAKING_RATE) parts.push(pcm);
      else {
        resampler ??= createResampler(sampleRate, SPEAKING_RATE);
        parts.push(resampler.push(pcm).slice());
      }
    }
    return joined(resampler === null ? parts : [...parts, resampler.flush().slice()]);
  }

  return {
    get: (key, language) => sounds.get(`${language} ${key}`) ?? null,
    async prepare(language) {
      const tts = providers.find((provider) => provider.speaks(language));
      const missing = FIXED.filter((key) => !sounds.has(`${language} ${key}`));
      if (tts === undefined || missing.length === 0) return;
      try {
        await tts.warm();
        await Promise.all(
          missing.map(async (key) => {
            sounds.set(`${language} ${key}`, await record(tts, lines.say(key, language), language));
          }),
        );
      } catch (error) {
        log.warn({ err: error, language }, 'lines of the server could not be spoken');
      }
    },
  };
}

function joined(parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
