import { MusterError } from '@muster/contract';
import { inUnit, outsideUnit } from './db/unit-of-work.ts';

/** Looks one key up; undefined when there is nothing. Rejects with what the lookup of its batch rejected with, or QUEUE_FULL. */
export type Gather<K, V> = (key: K) => Promise<V | undefined>;

/** Keys that wait for their batch; more callers than that are refused. */
const MOST_WAITING = 50_000;

/**
 * Makes one query of many lookups: those that come in the same turn of the event loop, and those that come while a
 * batch is on its way, which are the next batch. Alone, a lookup waits for nobody. A key never joins a batch that has
 * left, so what was committed before the call is seen. In a unit of work a lookup is a query of its own: it sees what
 * the unit has stored, and others do not.
 */
export function createGather<K, V>(
  look: (keys: readonly K[]) => Promise<ReadonlyMap<K, V>>,
  mostAtOnce = 1_000,
): Gather<K, V> {
  const waiting = new Map<K, PromiseWithResolvers<V | undefined>>();
  let running = false;

  async function run(): Promise<void> {
    while (waiting.size > 0) {
      const batch = [...waiting].slice(0, mostAtOnce);
      for (const [key] of batch) waiting.delete(key);
      try {
        const found = await look(batch.map(([key]) => key));
        for (const [key, one] of batch) one.resolve(found.get(key));
      } catch (error) {
        for (const [, one] of batch) one.reject(error);
      }
    }
    running = false;
  }

  return (key) => {
    if (inUnit()) return look([key]).then((found) => found.get(key));
    const known = waiting.get(key);
    if (known !== undefined) return known.promise;
    if (waiting.size >= MOST_WAITING) return Promise.reject(new MusterError('QUEUE_FULL', { waiting: waiting.size }));
    const one = Promise.withResolvers<V | undefined>();
    waiting.set(key, one);
    if (!running) {
      running = true;
      // batches go on for callers of other contexts
      outsideUnit(() => setImmediate(() => void run()));
    }
    return one.promise;
  };
}
