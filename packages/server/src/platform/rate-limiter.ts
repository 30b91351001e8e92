import { MusterError } from '@muster/contract';
import type { Clock } from './clock.ts';
import { forgetOldest } from './forget-oldest.ts';

/**
 * Counts events per key in a sliding window. Memory is bounded: past `maxKeys` the oldest key goes,
 * so a flood of keys forgets itself before it costs memory.
 */
export interface RateLimiter {
  /** Counts one event. */
  count(key: string): void;
  /** Counts one event of each key, or of none: throws RATE_LIMITED with how long to wait when one is at its limit. */
  take(...keys: readonly string[]): void;
  /** How long until `key` is below the limit again, ms; 0 when it is. */
  waitMs(key: string): number;
}

export function createRateLimiter(
  clock: Clock,
  options: { readonly limit: number; readonly windowMs: number; readonly maxKeys?: number },
): RateLimiter {
  const { limit, windowMs, maxKeys = 10_000 } = options;
  const events = new Map<string, number[]>();
  function recent(key: string): number[] {
    const since = clock.monotonic() - windowMs;
    const kept = (events.get(key) ?? []).filter((at) => at > since);
    if (kept.length === 0) events.delete(key);
    return kept;
  }
  function count(key: string): void {
    const kept = recent(key).slice(-(limit - 1));
    kept.push(clock.monotonic());
    events.delete(key);
    events.set(key, limit === 1 ? kept.slice(-1) : kept);
    forgetOldest(events, maxKeys);
  }
  function waitMs(key: string): number {
    const kept = recent(key);
    const first = kept[0];
    return kept.length < limit || first === undefined ? 0 : Math.ceil(first + windowMs - clock.monotonic());
  }
  return {
    count,
    waitMs,
    take(...keys) {
      const retryAfterMs = Math.max(...keys.map(waitMs));
      if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
      for (const key of keys) count(key);
    },
  };
}
