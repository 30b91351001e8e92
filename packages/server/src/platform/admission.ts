import type { Clock } from './clock.ts';

/** Who comes waits for a turn: so many a second are let in, in the order in which they came. */
export interface Admission {
  /** Runs `enter` when its turn has come, at once if nobody waits. False when the line is full: it never will. */
  enter(enter: () => void): boolean;
  /** How long who comes now would wait, ms. */
  waitMs(): number;
  /** Nobody is let in any more. */
  stop(): void;
}

/** How often those in line get their turn, ms. */
const TURN_MS = 20;
/** A turn that comes late counts no more than this, ms: a server that is behind takes fewer in, not all it missed. */
const MOST_LATE_MS = 3 * TURN_MS;

/**
 * A fleet that lost its server comes back within seconds. Taken in all at once it would hold up everybody else; at this
 * rate the server has time left for them. After a pause at most a second's worth comes at once.
 */
export function createAdmission(clock: Clock, perSecond: number, mostWaiting: number): Admission {
  let line: (() => void)[] = [];
  let turns = perSecond;
  let at = clock.monotonic();
  let cancel: (() => void) | null = null;
  let stopped = false;

  function earn(mostMs: number): void {
    const now = clock.monotonic();
    turns = Math.min(perSecond, turns + (Math.min(now - at, mostMs) / 1_000) * perSecond);
    at = now;
  }

  function admitNext(): void {
    cancel = null;
    earn(MOST_LATE_MS);
    const count = Math.min(Math.floor(turns), line.length);
    turns -= count;
    const now = line.slice(0, count);
    line = line.slice(count);
    plan();
    for (const enter of now) enter();
  }

  function plan(): void {
    if (line.length > 0 && cancel === null && !stopped) cancel = clock.after(TURN_MS, admitNext);
  }

  return {
    enter(enter) {
      if (stopped || line.length >= mostWaiting) return false;
      if (line.length === 0) {
        earn(1_000);
        if (turns >= 1) {
          turns -= 1;
          enter();
          return true;
        }
      }
      line.push(enter);
      plan();
      return true;
    },
    waitMs: () => (line.length / perSecond) * 1_000,
    stop() {
      stopped = true;
      line = [];
      cancel?.();
      cancel = null;
    },
  };
}
