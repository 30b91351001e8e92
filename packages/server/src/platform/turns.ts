import { MusterError } from '@muster/contract';

/** Runs tasks that share a key one after the other, in the order they came; others run side by side. */
export type InTurn = <T>(keys: readonly string[], task: () => Promise<T>) => Promise<T>;

/** Past `most` waiting tasks the next is refused with RATE_LIMITED. */
export function createTurns(most: number): InTurn {
  const tails = new Map<string, Promise<unknown>>();
  let waiting = 0;
  return (keys, task) => {
    if (waiting >= most) return Promise.reject(new MusterError('RATE_LIMITED', { retryAfterMs: 1_000 }));
    waiting += 1;
    const before = keys.map((key) => tails.get(key));
    const mine = Promise.allSettled(before).then(task);
    const done = mine
      .catch(() => undefined)
      .finally(() => {
        waiting -= 1;
        for (const key of keys) if (tails.get(key) === done) tails.delete(key);
      });
    for (const key of keys) tails.set(key, done);
    return mine;
  };
}
