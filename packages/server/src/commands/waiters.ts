import { MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';

/** Requests that wait for the end of something. Each is an open connection, so that there are not more than these. */
const MOST_WAITERS = 20_000;

/** Long-polls: whoever asks for a thing that has not ended hears of its end, at once. */
export interface Waiters {
  /** The thing with this id may have ended: whoever waits for it looks again. */
  wake(id: string): void;
  /**
   * What `look` gives once it has ended, or what it gives after `ms`, when `signal` is aborted, or when the server
   * stops. UNAVAILABLE when too many wait.
   */
  wait<T>(
    id: string,
    options: { readonly ms: number; readonly signal?: AbortSignal | undefined },
    look: () => Promise<T>,
    hasEnded: (found: T) => boolean,
  ): Promise<T>;
  count(): number;
  /** What is waited for. */
  ids(): readonly string[];
  /** Everybody gets what there is. */
  stop(): void;
}

export function createWaiters(clock: Clock): Waiters {
  const waiting = new Map<string, Set<() => void>>();
  let count = 0;
  let stopped = false;

  return {
    wake(id) {
      for (const wake of waiting.get(id) ?? []) wake();
    },

    async wait(id, { ms, signal }, look, hasEnded) {
      if (count >= MOST_WAITERS) throw new MusterError('UNAVAILABLE', { waiting: count });
      const woken = Promise.withResolvers<void>();
      const wake = (): void => woken.resolve();
      // before the first look: what ends between the look and the wait wakes all the same
      const set = waiting.get(id) ?? new Set();
      waiting.set(id, set.add(wake));
      count += 1;
      const cancel = clock.after(ms, wake);
      signal?.addEventListener('abort', wake, { once: true });
      if (stopped || signal?.aborted === true) wake();
      try {
        const found = await look();
        if (hasEnded(found)) return found;
        await woken.promise;
        return await look();
      } finally {
        cancel();
        signal?.removeEventListener('abort', wake);
        count -= 1;
        set.delete(wake);
        if (set.size === 0 && waiting.get(id) === set) waiting.delete(id);
      }
    },

    count: () => count,
    ids: () => [...waiting.keys()],
    stop() {
      stopped = true;
      for (const set of waiting.values()) for (const wake of set) wake();
    },
  };
}
