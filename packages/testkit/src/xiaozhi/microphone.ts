import { pace } from './pacer.ts';
import type { Speech } from './speech.ts';

/** When a piece of speech left the device, ms of the monotonic clock. */
export interface SpokenTimes {
  firstVoicedFrameSentAt: number | null;
  lastVoicedFrameSentAt: number | null;
}

interface Utterance {
  readonly speech: Speech;
  readonly times: SpokenTimes;
  readonly done: (() => void) | undefined;
  next: number;
}

/** A microphone in real time: one packet each frame, of speech when there is some, else of silence. */
export function createMicrophone(silence: Speech, send: (packet: Uint8Array) => void) {
  let stopPacing: (() => void) | null = null;
  let utterance: Utterance | null = null;
  let quietFrames = 0;
  let quietLimit = Number.POSITIVE_INFINITY;

  function frame(): boolean {
    if (utterance !== null) {
      speak(utterance);
      return true;
    }
    if (quietFrames >= quietLimit) {
      stopPacing = null;
      return false;
    }
    const packet = silence.silence[quietFrames++ % silence.silence.length];
    if (packet !== undefined) send(packet);
    return true;
  }

  function speak(current: Utterance): void {
    const { speech, times } = current;
    const packet = speech.packets[current.next];
    if (packet !== undefined) send(packet);
    if (current.next === speech.firstVoiced) times.firstVoicedFrameSentAt = performance.now();
    if (current.next === speech.lastVoiced) times.lastVoicedFrameSentAt = performance.now();
    if (++current.next < speech.packets.length) return;
    utterance = null;
    quietFrames = 0;
    current.done?.();
  }

  return {
    /** Switches on (if it is off) and speaks. After it, silence for `tailSilenceMs`, then the microphone is off. */
    speak(speech: Speech, tailSilenceMs: number, done?: () => void): SpokenTimes {
      const times = { firstVoicedFrameSentAt: null, lastVoicedFrameSentAt: null };
      utterance = { speech, times, done, next: 0 };
      quietLimit = Math.ceil(tailSilenceMs / speech.frameMs);
      stopPacing ??= pace(speech.frameMs, frame);
      return times;
    },
    off(): void {
      stopPacing?.();
      stopPacing = null;
      utterance = null;
    },
    isOn: () => stopPacing !== null,
  };
}
