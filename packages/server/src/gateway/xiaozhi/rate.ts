import type { Clock } from '../../platform/clock.ts';

export interface RateLimit {
  /** Takes `cost` from what is left; false when there is not enough. */
  take(cost: number): boolean;
}

/** A token bucket: `perSecond` on average, and at most what comes together in `windowMs` at once. */
export function createRateLimit(clock: Clock, perSecond: number, windowMs: number): RateLimit {
  const capacity = (perSecond * windowMs) / 1000;
  let left = capacity;
  let at = clock.monotonic();
  return {
    take(cost) {
      const now = clock.monotonic();
      left = Math.min(capacity, left + ((now - at) * perSecond) / 1000);
      at = now;
      if (left < cost) return false;
      left -= cost;
      return true;
    },
  };
}
