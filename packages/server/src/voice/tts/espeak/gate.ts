import { MusterError } from '@muster/contract';
import type { Clock } from '../../../platform/clock.ts';

/** Lets a bounded number in at a time; a bounded number waits, first come first served. */
export interface Gate {
  /**
   * Resolves with the function that leaves. Rejects with QUEUE_FULL, PROVIDER_TIMEOUT past `timeoutMs`, or the reason
   * of the signal.
   */
  enter(signal: AbortSignal, timeoutMs: number): Promise<() => void>;
}

export function createGate(options: { readonly places: number; readonly queue: number; readonly clock: Clock }): Gate {
  const waiting: (() => void)[] = [];
  let inside = 0;

  const leaveOnce = (): (() => void) => {
    let left = false;
    return () => {
      if (left) return;
      left = true;
      inside -= 1;
      waiting.shift()?.();
    };
  };

  return {
    enter(signal, timeoutMs) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        if (inside < options.places) {
          inside += 1;
          return resolve(leaveOnce());
        }
        if (waiting.length >= options.queue) return reject(new MusterError('QUEUE_FULL', { limit: options.queue }));
        const settle = (): void => {
          cancel();
          signal.removeEventListener('abort', abort);
        };
        const admit = (): void => {
          settle();
          inside += 1;
          resolve(leaveOnce());
        };
        const refuse = (reason: unknown): void => {
          settle();
          waiting.splice(waiting.indexOf(admit), 1);
          reject(reason);
        };
        const abort = (): void => refuse(signal.reason);
        const cancel = options.clock.after(timeoutMs, () => refuse(new MusterError('PROVIDER_TIMEOUT', { timeoutMs })));
        signal.addEventListener('abort', abort, { once: true });
        waiting.push(admit);
      });
    },
  };
}
