import { HEARING_RATE, VAD_WINDOW } from '../ports.ts';

/** Length of one voice-activity window, ms. */
export const WINDOW_MS = (VAD_WINDOW / HEARING_RATE) * 1000;

export interface EndpointConfig {
  /** Shortest silence that ends a turn, ms. */
  readonly minMs: number;
  /** Longest silence waited for, ms. */
  readonly maxMs: number;
}

/**
 * What a window brought. `speech`: somebody began to speak (two windows ago). `pause`: silence long enough to prepare
 * an answer. `resume`: speech again after a pause. `end`: the person has finished.
 */
export type EndpointEvent = 'speech' | 'pause' | 'resume' | 'end';

/** How finished the words so far sound; null while they are not known. */
export type Completeness = 'complete' | 'open' | null;

export interface Endpointer {
  push(probability: number): EndpointEvent | null;
  /** The words up to the pause are known. May bring the end that was waited for. */
  hint(completeness: Completeness): EndpointEvent | null;
  /** Silence since the last voiced window, ms. */
  readonly silenceMs: number;
  reset(): void;
}

/** Silero's own thresholds: speech from 0.5, over below 0.35 (snakers4/silero-vad, `VADIterator`). */
const SPEECH_ON = 0.5;
const SPEECH_OFF = 0.35;
/** A click is one window; two make speech. */
const WINDOWS_TO_BEGIN = 2;
/** Silence after which preparing an answer is worth its cost, ms: most gaps between words are shorter. */
export const PAUSE_MS = 6 * WINDOW_MS;
/** Share of the way from min to max that is waited while the words are not known, or do not tell. */
const UNKNOWN_SHARE = 0.5;
/** A person who paused this long before goes on after as long: wait a quarter more. */
const PAUSE_MARGIN = 1.25;

/**
 * Decides when a person has finished speaking. The silence it waits for adapts between `minMs` and `maxMs`: short when
 * the words sound finished, long when they break off ("set a timer for…") or when the person has paused before.
 */
export function createEndpointer(config: EndpointConfig): Endpointer {
  let speaking = false;
  let paused = false;
  let voicedWindows = 0;
  let silenceMs = 0;
  let longestPauseMs = 0;
  let completeness: Completeness = null;

  function waitMs(): number {
    const { minMs, maxMs } = config;
    const share = completeness === 'complete' ? 0 : completeness === 'open' ? 1 : UNKNOWN_SHARE;
    const wanted = Math.max(minMs + (maxMs - minMs) * share, longestPauseMs * PAUSE_MARGIN);
    return Math.min(maxMs, wanted);
  }

  function endIfDue(): EndpointEvent | null {
    if (!speaking || silenceMs < waitMs()) return null;
    speaking = false;
    return 'end';
  }

  return {
    get silenceMs() {
      return silenceMs;
    },
    push(probability) {
      if (probability >= (silenceMs > 0 || !speaking ? SPEECH_ON : SPEECH_OFF)) {
        voicedWindows += 1;
        if (!speaking) {
          if (voicedWindows < WINDOWS_TO_BEGIN) return null;
          speaking = true;
          silenceMs = 0;
          return 'speech';
        }
        if (paused) longestPauseMs = Math.max(longestPauseMs, silenceMs);
        silenceMs = 0;
        completeness = null;
        const resumed = paused;
        paused = false;
        return resumed ? 'resume' : null;
      }
      voicedWindows = 0;
      if (!speaking) return null;
      silenceMs += WINDOW_MS;
      const end = endIfDue();
      if (end !== null) return end;
      if (paused || silenceMs < PAUSE_MS) return null;
      paused = true;
      return 'pause';
    },
    hint(value) {
      if (!paused) return null;
      completeness = value;
      return endIfDue();
    },
    reset() {
      speaking = false;
      paused = false;
      voicedWindows = 0;
      silenceMs = 0;
      longestPauseMs = 0;
      completeness = null;
    },
  };
}

/** Words after which an English sentence goes on; recognisers put a full stop after anything. */
const GOES_ON =
  /\b(a|an|the|and|or|but|so|because|if|to|of|for|in|on|at|by|with|from|is|are|was|my|your|his|her|their|our|set|please|what|um|uh)$/i;

/** How finished a transcript sounds. Only English is judged; other languages wait the middle time. */
export function completenessOf(text: string, language: string): Completeness {
  const words = text.trim().replace(/[.,;:…\s]+$/u, '');
  if (words === '') return 'open';
  if (/[?!？！]$/u.test(words)) return 'complete';
  if (language !== 'en') return null;
  if (/,\s*$/.test(text) || GOES_ON.test(words)) return 'open';
  return 'complete';
}
