import { SPEAKER_RATE, type Speaker, type SpeakerSink } from './port.ts';

/** How often samples move on, ms. */
const STEP_MS = 20;
/** How far the sink is fed ahead of what is heard, ms: rides out a late timer, and is all that a flush has to kill. */
const AHEAD_MS = 120;
/** What is collected before an answer starts, ms: two frames, so that one late frame is no gap. */
const START_MS = 120;
/** An answer shorter than that starts after this, ms. */
const START_WITHIN_MS = 150;
/** A server that sends a whole answer at once may be a minute ahead: 2.9 MB. */
const QUEUE_MS = 60_000;
const PER_MS = SPEAKER_RATE / 1_000;

/**
 * Play-out that rides out the server's burst and the network's jitter: it collects a little, then feeds the sink on an
 * absolute schedule, and collects again when it ran dry.
 */
export function createSpeaker(sink: SpeakerSink, now: () => number = () => performance.now()): Speaker {
  const queue: Int16Array[] = [];
  const counts = { silences: 0, dropped: 0 };
  const waiting = new Set<() => void>();
  let queuedSamples = 0;
  let collectingSince: number | null = null;
  /** When all that was written will have been heard; null while nothing plays. */
  let heardAt: number | null = null;
  let timer: NodeJS.Timeout | null = null;

  function step(): void {
    const at = now();
    if (heardAt === null) {
      const collected = queuedSamples / PER_MS;
      if (collected < START_MS && at - (collectingSince ?? at) < START_WITHIN_MS) return;
      if (queuedSamples === 0) {
        rest();
        return;
      }
      heardAt = at;
    }
    while (queue.length > 0 && heardAt - at < AHEAD_MS) {
      const pcm = queue.shift();
      if (pcm === undefined) break;
      queuedSamples -= pcm.length;
      sink.write(pcm);
      heardAt = Math.max(heardAt, at) + pcm.length / PER_MS;
    }
    if (queue.length > 0 || heardAt > at) return;
    heardAt = null;
    counts.silences++;
    rest();
  }

  function rest(): void {
    if (timer !== null) clearInterval(timer);
    timer = null;
    collectingSince = null;
    for (const resolve of waiting) resolve();
    waiting.clear();
  }

  return {
    counts,
    play(pcm) {
      if (pcm.length === 0) return;
      if ((queuedSamples + pcm.length) / PER_MS > QUEUE_MS) {
        counts.dropped++;
        return;
      }
      queue.push(pcm);
      queuedSamples += pcm.length;
      if (heardAt === null) collectingSince ??= now();
      timer ??= setInterval(step, STEP_MS);
    },
    flush() {
      queue.length = 0;
      queuedSamples = 0;
      if (heardAt !== null) sink.flush();
      heardAt = null;
      rest();
    },
    queuedMs: () => queuedSamples / PER_MS + Math.max(0, (heardAt ?? 0) - now()),
    drained(signal) {
      if (timer === null) return Promise.resolve();
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const stop = (): void => reject(signal.reason);
      waiting.add(resolve);
      signal.addEventListener('abort', stop, { once: true });
      return promise.finally(() => {
        waiting.delete(resolve);
        signal.removeEventListener('abort', stop);
      });
    },
  };
}
