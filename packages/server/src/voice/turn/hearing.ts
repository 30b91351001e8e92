import { HEARING_RATE, VAD_WINDOW } from '../ports.ts';

/** Sound kept from before speech was noticed, so that the first syllable is not cut, samples. */
const PREROLL = HEARING_RATE * 0.4;
/** Silence kept after the last voiced window: soft final consonants are below the threshold, samples. */
const TAIL = HEARING_RATE * 0.25;
const FIRST_SIZE = HEARING_RATE * 4;

/**
 * The sound of one utterance with what came before it. Grows as needed up to `longest` samples; while nobody speaks
 * only the pre-roll is kept.
 */
export interface Hearing {
  append(pcm: Int16Array): void;
  /** Speech was noticed in the window that ended at `at`, samples since the last reset. */
  begin(at: number): void;
  /** The last voiced window ended at `at`. */
  voiced(at: number): void;
  /** Whether the utterance has reached its longest. */
  readonly full: boolean;
  /** Samples appended since the last reset. */
  readonly total: number;
  /** From pre-roll to tail: a copy, safe to send away. */
  utterance(): Int16Array;
  /** Everything that is kept: for push-to-talk, where the button says what belongs to it. */
  everything(): Int16Array;
  /** `keepAll`: push-to-talk keeps from the first sample on. */
  reset(keepAll: boolean): void;
}

export function createHearing(longest: number): Hearing {
  const firstSize = Math.min(FIRST_SIZE, longest);
  let buffer = new Int16Array(firstSize);
  let length = 0;
  /** Samples dropped from the front since the last reset. */
  let dropped = 0;
  let speaking = false;
  let start = 0;
  let end = 0;

  function makeRoom(samples: number): void {
    if (!speaking && length + samples > PREROLL * 2) {
      const surplus = length - PREROLL;
      if (surplus > 0) {
        buffer.copyWithin(0, surplus, length);
        length -= surplus;
        dropped += surplus;
      }
    }
    if (length + samples <= buffer.length || buffer.length === longest) return;
    const larger = new Int16Array(Math.min(longest, Math.max(buffer.length * 2, length + samples)));
    larger.set(buffer.subarray(0, length));
    buffer = larger;
  }

  return {
    get full() {
      return speaking && length - (start - dropped) >= longest - VAD_WINDOW;
    },
    get total() {
      return dropped + length;
    },
    append(pcm) {
      makeRoom(pcm.length);
      const fitting = pcm.subarray(0, buffer.length - length);
      buffer.set(fitting, length);
      length += fitting.length;
    },
    begin(at) {
      speaking = true;
      start = Math.max(dropped, at - 2 * VAD_WINDOW - PREROLL);
      end = at;
    },
    voiced(at) {
      end = at;
    },
    utterance() {
      return buffer.slice(Math.max(0, start - dropped), Math.min(length, end - dropped + TAIL));
    },
    everything() {
      return buffer.slice(0, length);
    },
    reset(keepAll) {
      length = 0;
      dropped = 0;
      start = 0;
      end = 0;
      speaking = keepAll;
      if (buffer.length > firstSize * 2) buffer = new Int16Array(firstSize);
    },
  };
}
