import type { MusterError } from '@muster/contract';
import type { Logger } from '../log.ts';
import { type Answer, type Child, type ChildOptions, startChild } from './child.ts';

/** First and longest wait before a child is started again, ms. */
const BACKOFF_MS = { first: 100, longest: 10_000 };
/** A child that was ready this long has proven itself: the next wait is the first again, ms. */
const PROVEN_MS = 10_000;
/** How long a child may take to end by itself at closing, ms. */
const FAREWELL_MS = 1_500;

export interface SupervisorOptions extends ChildOptions {
  /** For the log, such as `moonshine-1`. */
  readonly name: string;
  readonly log: Logger;
  /** Ready, free again, gone: whatever changes what the child can take. */
  readonly changed: () => void;
}

/** Keeps one child alive: when it ends, the next is started after a growing wait. */
export interface Supervisor {
  /** `refused` is for good: the child said that it cannot start and that a retry would not help. */
  readonly state: 'starting' | 'ready' | 'waiting' | 'refused' | 'closed';
  /** Why the last start was refused. */
  readonly refusal: MusterError | null;
  readonly load: number;
  /** Times a child was started again. */
  readonly restarts: number;
  call(request: unknown, answer: (answer: Answer) => void): () => void;
  /** Resolves when the child is gone, at the latest {@link FAREWELL_MS} later. */
  close(): Promise<void>;
}

export function supervise(options: SupervisorOptions): Supervisor {
  const { clock, log, name } = options;
  let child: Child | null = null;
  let state: Supervisor['state'] = 'starting';
  let refusal: MusterError | null = null;
  let restarts = 0;
  let failures = 0;
  let readyAt = 0;
  let cancelRestart = (): void => undefined;
  const gone = Promise.withResolvers<void>();

  const start = (): void => {
    state = 'starting';
    child = startChild(options, { ready, free: options.changed, exited, printed });
  };

  const ready = (): void => {
    if (state !== 'starting') return;
    state = 'ready';
    readyAt = clock.monotonic();
    options.changed();
  };

  const exited = (reason: string, refused: MusterError | null): void => {
    child = null;
    refusal = refused;
    if (state === 'closed') {
      gone.resolve();
      return;
    }
    if (refused !== null && !refused.retryable) {
      state = 'refused';
      log.error({ child: name, code: refused.code, err: refused }, 'child cannot start');
      options.changed();
      return;
    }
    if (state === 'ready' && clock.monotonic() - readyAt >= PROVEN_MS) failures = 0;
    state = 'waiting';
    const waitMs = Math.min(BACKOFF_MS.longest, BACKOFF_MS.first * 2 ** failures);
    failures += 1;
    restarts += 1;
    log.error({ child: name, reason, waitMs, restarts, err: refused ?? undefined }, 'child ended, starting it again');
    cancelRestart = clock.after(waitMs, start);
    options.changed();
  };

  const printed = (text: string): void => log.warn({ child: name, text }, 'child printed');

  start();
  return {
    get state() {
      return state;
    },
    get refusal() {
      return refusal;
    },
    get load() {
      return child?.load ?? 0;
    },
    get restarts() {
      return restarts;
    },
    call(request, answer) {
      if (child !== null) return child.call(request, answer);
      return () => undefined;
    },
    async close() {
      state = 'closed';
      cancelRestart();
      if (child === null) return;
      child.hangUp();
      const cancelKill = clock.after(FAREWELL_MS, () => child?.kill());
      await gone.promise;
      cancelKill();
    },
  };
}
