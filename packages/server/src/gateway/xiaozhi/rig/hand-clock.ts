import type { Clock } from '../../../platform/clock.ts';

/** A clock that stands still until it is advanced. */
export interface HandClock extends Clock {
  advance(ms: number): void;
  /** Tasks that wait for their time. */
  waiting(): number;
}

export function createHandClock(): HandClock {
  const tasks = new Set<{ at: number; task: () => void }>();
  let elapsed = 0;
  return {
    waiting: () => tasks.size,
    now: () => 1_700_000_000_000 + elapsed,
    monotonic: () => elapsed,
    after(ms, task) {
      const entry = { at: elapsed + ms, task };
      tasks.add(entry);
      return () => void tasks.delete(entry);
    },
    advance(ms) {
      const end = elapsed + ms;
      for (;;) {
        const [next] = [...tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (next === undefined) break;
        tasks.delete(next);
        elapsed = next.at;
        next.task();
      }
      elapsed = end;
    },
  };
}
