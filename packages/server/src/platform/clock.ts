/** Time, so that tests can own it. Instants are epoch milliseconds, spans are milliseconds. */
export interface Clock {
  /** Epoch milliseconds. May jump when the system clock is set: never subtract two of these to measure a span. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back: for spans. */
  monotonic(): number;
  /** Runs `task` once after `ms`; the function returned cancels it. Keeps the process alive no longer than needed. */
  after(ms: number, task: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, task) {
    const timer = setTimeout(task, ms);
    return () => clearTimeout(timer);
  },
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    signal?.addEventListener('abort', stop, { once: true });
  });
}
