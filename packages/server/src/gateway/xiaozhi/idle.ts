import type { Clock } from '../../platform/clock.ts';

/** Watches for a conversation in which nobody says anything any more. */
export interface IdleWatch {
  /** The device or its person did something; also takes back a goodbye. */
  touch(): void;
  /** The server speaks: counts as something said, but does not take back the goodbye that it may be. */
  speaking(): void;
  /** The server has spoken: the end, when it was the goodbye. */
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
 * `talking -> goodbye -> over`; a touch leads from goodbye back to talking. Sound from the microphone is no touch: it
 * never stops in auto and realtime mode.
 */
export function createIdleWatch(options: IdleOptions): IdleWatch {
  const { clock, idleMs, goodbyeMs } = options;
  let lastAt = clock.monotonic();
  let goodbye = false;
  let cancel = clock.after(idleMs, check);

  /** One timer that looks when it fires, instead of one set anew with every frame. */
  function check(): void {
    const quietMs = clock.monotonic() - lastAt;
    if (quietMs < idleMs) {
      cancel = clock.after(idleMs - quietMs, check);
      return;
    }
    goodbye = options.sayGoodbye();
    if (goodbye) cancel = clock.after(goodbyeMs, options.onOver);
    else options.onOver();
  }

  return {
    touch() {
      lastAt = clock.monotonic();
      if (!goodbye) return;
      goodbye = false;
      cancel();
      cancel = clock.after(idleMs, check);
    },
    speaking() {
      lastAt = clock.monotonic();
    },
    spoken() {
      lastAt = clock.monotonic();
      if (goodbye) options.onOver();
    },
    stop() {
      goodbye = false;
      cancel();
    },
  };
}
