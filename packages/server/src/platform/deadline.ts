import { type ErrorCode, MusterError } from '@muster/contract';
import type { Clock } from './clock.ts';

export interface Deadline {
  /** Span, ms. */
  readonly ms: number;
  /** What is thrown past it. */
  readonly code: ErrorCode;
  /** Whose end ends the task too. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Runs `task` for at most `ms`. Past it, or when `signal` is aborted, the signal that the task got is aborted and the
 * promise rejects, whether or not the task listens; a result that comes later is dropped.
 */
export function within<T>(clock: Clock, deadline: Deadline, task: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { ms, code, signal } = deadline;
  if (signal?.aborted === true) return Promise.reject(signal.reason);
  const controller = new AbortController();
  return new Promise<T>((resolve, reject) => {
    const stop = (reason: unknown): void => {
      reject(reason);
      controller.abort(reason);
    };
    const cancel = clock.after(ms, () => stop(new MusterError(code, { waitedMs: ms })));
    const follow = (): void => stop(signal?.reason);
    signal?.addEventListener('abort', follow, { once: true });
    task(controller.signal)
      .then(resolve, reject)
      .finally(() => {
        cancel();
        signal?.removeEventListener('abort', follow);
      });
  });
}
