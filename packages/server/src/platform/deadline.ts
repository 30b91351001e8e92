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
    const settle = (): void => {
      cancel();
      signal?.removeEventListener('abort', follow);
    };
    const stop = (reason: unknown): void => {
      settle();
      reject(reason);
      controller.abort(reason);
    };
    const cancel = clock.after(ms, () => stop(new MusterError(code, { waitedMs: ms })));
    const follow = (): void => stop(signal?.reason);
    signal?.addEventListener('abort', follow, { once: true });
    // async, so that a task that throws before its first wait rejects like any other
    const run = async (): Promise<T> => task(controller.signal);
    run().then(resolve, reject).finally(settle);
  });
}

/** Waits for `promise` until `signal` is aborted: then rejects with its reason. What comes later is dropped. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
