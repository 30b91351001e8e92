import { bug, DOWNLINK, LIMITS, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { VoiceLink } from '../ports.ts';

/** Samples of one downlink frame. */
const FRAME = (DOWNLINK.sample_rate * DOWNLINK.frame_duration) / 1000;
const FRAME_MS = DOWNLINK.frame_duration;
/**
 * From `tts start` to the first packet, ms: the firmware empties its decode queue when it enters "speaking" and drops
 * what came before (xiaozhi-esp32 2.4.2, `Application::SetDeviceState`).
 */
export const START_GAP_MS = FRAME_MS;
/** Sound that may wait to be played before the writer has to wait, samples (10 s). */
const MOST_WAITING = DOWNLINK.sample_rate * 10;

export interface PlayoutDeps {
  readonly link: Pick<VoiceLink, 'speechStart' | 'sentence' | 'audio' | 'speechStop'>;
  readonly clock: Clock;
  /** One frame of 1,440 samples at 24 kHz into one Opus packet. */
  readonly encode: (frame: Int16Array) => Uint8Array;
  /** The first packet of the answer was handed to the socket. */
  readonly onSound: () => void;
  /** How late a frame left against its schedule, ms: for the metrics. */
  readonly onPaced?: (lateMs: number) => void;
}

/**
 * Plays one answer: a burst of 5 frames, then one each 60 ms on an absolute schedule, so that late timers do not add
 * up. The burst is the device's lead over what it plays; a lead that was used up is given again as soon as there is
 * sound. Nothing leaves before `open`: an answer prepared during a pause waits here.
 */
export interface Playout {
  /** The turn is real: tells the device that speech comes, and starts as soon as there is sound. */
  open(): void;
  /** The subtitle of the sound that follows. */
  sentence(text: string): void;
  /**
   * Sound at 24 kHz. Resolves when there is room for more; rejects with the reason given to `stop`, or with
   * DEVICE_NOT_CONNECTED when the device is gone or too slow.
   */
  write(pcm: Int16Array): Promise<void>;
  /** All is written. Resolves when the device has played it and was told so. False: the device is gone or too slow. */
  finish(): Promise<boolean>;
  /** Drops what was not sent and tells the device at once. Idempotent. */
  stop(reason: unknown): void;
  /** When the first packet was handed to the socket, monotonic ms. */
  readonly soundedAt: number | null;
}

interface Item {
  readonly pcm: Int16Array;
  /** Subtitle to show when this sound begins. */
  readonly subtitle: string | null;
}

export function createPlayout(deps: PlayoutDeps): Playout {
  const { link, clock } = deps;
  const waiting: Item[] = [];
  /** Samples taken from the first item. */
  let taken = 0;
  let waitingSamples = 0;
  let subtitle: string | null = null;
  let openedAt: number | null = null;
  /** When the device begins frame 0, as far as it can be known: it plays frame n at n frames later. */
  let origin = 0;
  let sent = 0;
  /** When the next frame could leave: its time in the schedule, or later when it had to be written first. */
  let expectedAt = 0;
  let soundedAt: number | null = null;
  let complete = false;
  let ended: { readonly reason: unknown } | null = null;
  let cancelTimer: (() => void) | null = null;
  const finished = Promise.withResolvers<boolean>();
  let room: PromiseWithResolvers<void> | null = null;
  const frame = new Int16Array(FRAME);

  /** When frame n has to leave, so that the device is ahead by the burst. */
  function due(index: number): number {
    return origin + Math.max(0, index - (LIMITS.playoutBurst - 1)) * FRAME_MS;
  }

  function schedule(): void {
    if (cancelTimer !== null || openedAt === null || ended !== null) return;
    const hasFrame = waitingSamples >= FRAME || (complete && waitingSamples > 0);
    if (!hasFrame && !complete) return;
    const now = clock.monotonic();
    if (sent === 0) origin = Math.max(now, openedAt + START_GAP_MS);
    // the device has played all it had: what follows is heard later by as much as it was silent
    else if (hasFrame) origin += Math.max(0, now - (origin + sent * FRAME_MS));
    const at = hasFrame ? due(sent) : sent === 0 ? now : due(sent - 1) + LIMITS.playoutTailFrames * FRAME_MS;
    expectedAt = Math.max(at, now);
    cancelTimer = clock.after(Math.max(0, at - now), hasFrame ? sendDue : end);
  }

  function sendDue(): void {
    cancelTimer = null;
    while (ended === null && waitingSamples > 0 && (waitingSamples >= FRAME || complete)) {
      const now = clock.monotonic();
      // timers of Node may fire a fraction of a millisecond early
      if (now - due(sent) < -0.5) break;
      // what was written late is no fault of the schedule
      if (!send(now - Math.max(due(sent), expectedAt))) return;
    }
    schedule();
  }

  function send(late: number): boolean {
    const text = fill();
    if (text !== null) link.sentence(text);
    const accepted = link.audio(deps.encode(frame));
    if (!accepted) {
      finished.resolve(false);
      stop(new MusterError('DEVICE_NOT_CONNECTED'), false);
      return false;
    }
    if (sent === 0) {
      soundedAt = clock.monotonic();
      deps.onSound();
    } else deps.onPaced?.(late);
    sent += 1;
    if (room !== null && waitingSamples < MOST_WAITING) {
      room.resolve();
      room = null;
    }
    return true;
  }

  /** Fills the frame from what waits, silence behind the end; gives the subtitle that begins in it. */
  function fill(): string | null {
    let filled = 0;
    let text: string | null = null;
    while (filled < FRAME) {
      const item = waiting[0];
      if (item === undefined) break;
      if (taken === 0 && item.subtitle !== null) text = item.subtitle;
      const part = item.pcm.subarray(taken, taken + FRAME - filled);
      frame.set(part, filled);
      filled += part.length;
      taken += part.length;
      if (taken === item.pcm.length) {
        waiting.shift();
        taken = 0;
      }
    }
    waitingSamples -= filled;
    frame.fill(0, filled);
    return text;
  }

  function end(): void {
    cancelTimer = null;
    if (ended !== null) return;
    ended = { reason: bug('sound was written after the end of an answer') };
    link.speechStop();
    finished.resolve(true);
  }

  function stop(reason: unknown, tell: boolean): void {
    if (ended !== null) return;
    ended = { reason };
    cancelTimer?.();
    cancelTimer = null;
    waiting.length = 0;
    waitingSamples = 0;
    if (tell && openedAt !== null) link.speechStop();
    room?.reject(reason);
    room = null;
    finished.resolve(false);
  }

  return {
    get soundedAt() {
      return soundedAt;
    },
    open() {
      if (openedAt !== null || ended !== null) return;
      openedAt = clock.monotonic();
      link.speechStart();
      schedule();
    },
    sentence(text) {
      subtitle = text;
    },
    async write(pcm) {
      if (ended !== null) throw ended.reason;
      if (pcm.length === 0) return;
      waiting.push({ pcm, subtitle });
      subtitle = null;
      waitingSamples += pcm.length;
      schedule();
      if (waitingSamples < MOST_WAITING) return;
      room ??= Promise.withResolvers<void>();
      return room.promise;
    },
    finish() {
      complete = true;
      schedule();
      return finished.promise;
    },
    stop: (reason) => stop(reason, true),
  };
}
