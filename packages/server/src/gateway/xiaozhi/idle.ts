import type { Clock } from '../../platform/clock.ts';

/** Watches for a conversation in which nobody says anything any more. */
export interface IdleWatch {
  /** The device opened its microphone: the watch begins, and a goodbye is taken back. */
  opened(): void;
  /** A person said something: the same, and from here on there is somebody to say goodbye to. */
  heard(): void;
  /** The device did something else: takes back a goodbye, begins nothing. */
  touch(): void;
  /** The server speaks, and sends `soundMs` of sound. Counts as something said, but takes back no goodbye: it may be it. */
  speaking(soundMs: number): void;
  /** The server has stopped speaking: the end, when the goodbye was heard out. */
  spoken(): void;
  stop(): void;
}

export interface IdleOptions {
  readonly clock: Clock;
  readonly idleMs: number;
  /** Most time for the goodbye, ms. */
  readonly goodbyeMs: number;
  /** Begins a goodbye; false when nobody says one. */
  readonly sayGoodbye: () => boolean;
  readonly onOver: () => void;
}

/**
 * `unused -> talking -> goodbye -> over`; whatever the person does leads from goodbye back to talking. A connection on
 * which nobody talks stays `unused` and is never over: a device keeps it so that a reminder can ring. Sound from the
 * microphone is no touch: it never stops in auto and realtime mode.
 *
 * Where a microphone was opened and nobody was heard, the end is silent: a device in realtime mode opens it at every
 * connection, and would say goodbye to an empty room all day.
 */
export function createIdleWatch(options: IdleOptions): IdleWatch {
  const { clock, idleMs, goodbyeMs } = options;
  let phase: 'unused' | 'talking' | 'goodbye' | 'over' = 'unused';
  let someone = false;
  let lastAt = 0;
  /** When the device will have played what it got of the goodbye, monotonic ms; null before its first sound. */
  let playedAt: number | null = null;
  let cancel = (): void => undefined;

  /** One timer that looks when it fires, instead of one set anew with every frame. */
  function check(): void {
    const quietMs = clock.monotonic() - lastAt;
    if (quietMs < idleMs) {
      cancel = clock.after(idleMs - quietMs, check);
      return;
    }
    phase = 'goodbye';
    playedAt = null;
    if (someone && options.sayGoodbye()) cancel = clock.after(goodbyeMs, options.onOver);
    else options.onOver();
  }

  function talk(): void {
    phase = 'talking';
    cancel();
    cancel = clock.after(idleMs, check);
  }

  function opened(): void {
    lastAt = clock.monotonic();
    if (phase === 'unused' || phase === 'goodbye') talk();
  }

  function touch(): void {
    lastAt = clock.monotonic();
    if (phase === 'goodbye') talk();
  }

  return {
    opened,
    heard() {
      someone = true;
      opened();
    },
    touch,
    speaking(soundMs) {
      lastAt = clock.monotonic();
      if (phase === 'goodbye' && soundMs > 0) playedAt = Math.max(playedAt ?? lastAt, lastAt) + soundMs;
    },
    spoken() {
      lastAt = clock.monotonic();
      // stopped before its first sound: it failed, or a person was quicker; which of them shows before its time is up
      if (phase !== 'goodbye' || playedAt === null) return;
      // stopped before it can have been played: a person spoke over it, who is heard only when they have finished
      if (lastAt < playedAt) touch();
      else options.onOver();
    },
    stop() {
      phase = 'over';
      cancel();
    },
  };
}
