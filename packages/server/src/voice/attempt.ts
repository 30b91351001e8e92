import { MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { unlessAborted } from '../platform/deadline.ts';

/** What one stage may take and what it says when it took longer. */
export interface StageLimit {
  readonly ms: number;
  readonly code: 'HEARING_TIMEOUT' | 'THINKING_TIMEOUT' | 'SPEAKING_TIMEOUT';
}

/** One provider at work on one stream, as whatever it calls sees it. */
export interface Attempt {
  /** Aborted when the provider failed, took too long, was given up or has finished. */
  readonly signal: AbortSignal;
  /** Something was begun that cannot be taken back: no other provider may do it again. */
  acted(): void;
  /** Waits for something that is not the provider's to answer for: its own limit begins anew afterwards. */
  exempt<T>(waited: Promise<T>): Promise<T>;
}

export interface OpenAttempt extends Attempt {
  readonly hasActed: boolean;
  /** Waits for the provider, at most `ms`; past it the attempt is over and the stage's code is thrown. */
  wait<T>(ms: number, next: () => Promise<T>): Promise<T>;
  end(): void;
}

/** `outer` is the turn's signal; `limit.ms` is what the provider gets after each wait that was exempt. */
export function openAttempt(clock: Clock, limit: StageLimit, outer: AbortSignal): OpenAttempt {
  const controller = new AbortController();
  const { signal } = controller;
  const follow = (): void => end(outer.reason);
  let acted = false;
  let waiting = false;
  let exempt = 0;
  let disarm = (): void => undefined;

  function end(reason: unknown): void {
    disarm();
    outer.removeEventListener('abort', follow);
    controller.abort(reason);
  }

  function arm(ms: number): void {
    disarm();
    if (waiting && exempt === 0) disarm = clock.after(ms, () => end(new MusterError(limit.code, { waitedMs: ms })));
  }

  if (outer.aborted) end(outer.reason);
  else outer.addEventListener('abort', follow, { once: true });

  return {
    signal,
    get hasActed() {
      return acted;
    },
    acted() {
      acted = true;
    },
    async exempt(waited) {
      exempt += 1;
      disarm();
      try {
        return await waited;
      } finally {
        exempt -= 1;
        if (!signal.aborted) arm(limit.ms);
      }
    },
    async wait(ms, next) {
      signal.throwIfAborted();
      waiting = true;
      arm(ms);
      try {
        return await unlessAborted(next(), signal);
      } finally {
        waiting = false;
        disarm();
      }
    },
    end: () => end(new MusterError(limit.code)),
  };
}
