import { bug, MusterError } from '@muster/contract';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { ChildKind } from './channel.ts';
import type { Answer } from './child.ts';
import { type Supervisor, supervise } from './supervisor.ts';

export interface ChildPoolOptions {
  /** For the log. */
  readonly name: string;
  readonly kind: ChildKind;
  /** A module that ends with a call of `serveChild`. */
  readonly module: URL;
  /** Given to the child's `start`; must survive structured cloning. */
  readonly init: unknown;
  readonly count: number;
  /** Calls one child works on at a time. */
  readonly perChild: number;
  /** Calls that may wait for a child; the next is refused with QUEUE_FULL. */
  readonly queue: number;
  /** Longest load and warm-up of a child, ms. */
  readonly startMs: number;
  /** Time a child has to drop a call that was given up, before it counts as hung and is killed, ms. */
  readonly graceMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ChildPoolState {
  /** `degraded`: some children cannot take work (yet); `down`: none can, and at least one has failed. */
  readonly state: 'starting' | 'ready' | 'degraded' | 'down';
  readonly ready: number;
  readonly children: number;
  readonly restarts: number;
  readonly waiting: number;
}

/** Supervised children that all do the same work. */
export interface ChildPool<Request, Response> {
  /**
   * Starts the children; resolves when the first is ready, the others follow one after the other: they load the same
   * files on the same cores, so one is ready soonest alone. Idempotent. Rejects with the child's own error when it
   * cannot start and a retry would not help, with CHILD_TIMEOUT after `startMs`.
   */
  start(): Promise<void>;
  /**
   * Gives the request to the least loaded child, or lets it wait for one; it also waits while children restart.
   * Rejects with QUEUE_FULL, CHILD_TIMEOUT past `timeoutMs` (waiting included), CHILD_CRASHED, the signal's reason,
   * or what the child threw.
   */
  call(request: Request, options: { readonly signal: AbortSignal; readonly timeoutMs: number }): Promise<Response>;
  state(): ChildPoolState;
  /** Ends the children within 2 s; what waits is rejected with SERVER_STOPPING. */
  close(): Promise<void>;
}

interface Job {
  readonly request: unknown;
  readonly answer: (answer: Answer) => void;
  /** Takes the job back from its child. Does nothing while it waits. */
  giveUp: () => void;
}

export function createChildPool<Request, Response>(options: ChildPoolOptions): ChildPool<Request, Response> {
  const { clock, log, name } = options;
  const children: Supervisor[] = [];
  const waiting: Job[] = [];
  const watchers = new Set<() => void>();
  let closed = false;
  let started: Promise<void> | null = null;

  const changed = (): void => {
    while (waiting.length > 0) {
      const child = leastLoaded();
      const job = child && waiting.shift();
      if (child === undefined || job === undefined) break;
      job.giveUp = child.call(job.request, job.answer);
    }
    for (const watch of watchers) watch();
  };

  const leastLoaded = (): Supervisor | undefined => {
    let best: Supervisor | undefined;
    for (const child of children) {
      if (child.state !== 'ready' || child.load >= options.perChild) continue;
      if (best === undefined || child.load < best.load) best = child;
    }
    return best;
  };

  const startNext = (): Promise<void> => {
    const child = supervise({ ...options, name: `${name}-${children.length}`, log, changed });
    children.push(child);
    const ready = Promise.withResolvers<void>();
    const watch = (): void => {
      if (child.state === 'refused') ready.reject(child.refusal ?? bug('a refusal without a reason'));
      else if (child.state === 'ready' || closed) ready.resolve();
    };
    watchers.add(watch);
    const cancel = clock.after(options.startMs, () => ready.reject(new MusterError('CHILD_TIMEOUT', { child: name })));
    return ready.promise.finally(() => {
      cancel();
      watchers.delete(watch);
    });
  };

  const startRest = async (): Promise<void> => {
    while (children.length < options.count && !closed) {
      await startNext().catch((error: unknown) => log.error({ err: error, pool: name }, 'a child did not start'));
    }
  };

  const start = async (): Promise<void> => {
    await startNext();
    void startRest();
  };

  return {
    start() {
      started ??= start();
      return started;
    },

    call(request, { signal, timeoutMs }) {
      const { promise, resolve, reject } = Promise.withResolvers<Response>();
      if (signal.aborted) reject(signal.reason);
      else if (closed) reject(new MusterError('SERVER_STOPPING'));
      else if (waiting.length >= options.queue && leastLoaded() === undefined) {
        reject(new MusterError('QUEUE_FULL', { child: name, limit: options.queue }));
      } else {
        const settle = (): void => {
          signal.removeEventListener('abort', abort);
          cancelLimit();
        };
        const leave = (reason: unknown): void => {
          settle();
          const place = waiting.indexOf(job);
          if (place >= 0) waiting.splice(place, 1);
          job.giveUp();
          reject(reason);
        };
        const job: Job = {
          request,
          giveUp: () => undefined,
          answer: (answer) => {
            settle();
            // The child runs our own module, so its answer has the type that the module declares.
            if ('error' in answer) reject(answer.error);
            else resolve(answer.value as Response);
          },
        };
        const abort = (): void => leave(signal.reason);
        const cancelLimit = clock.after(timeoutMs, () =>
          leave(new MusterError('CHILD_TIMEOUT', { child: name, timeoutMs })),
        );
        signal.addEventListener('abort', abort, { once: true });
        waiting.push(job);
        changed();
      }
      return promise;
    },

    state() {
      const ready = children.filter((child) => child.state === 'ready').length;
      const restarts = children.reduce((sum, child) => sum + child.restarts, 0);
      const failed = restarts > 0 || children.some((child) => child.state === 'refused');
      const some = ready === options.count ? 'ready' : 'degraded';
      const state = ready > 0 ? some : failed ? 'down' : 'starting';
      return { state, ready, children: options.count, restarts, waiting: waiting.length };
    },

    async close() {
      closed = true;
      // a start that still waits for its child waits no longer
      for (const watch of watchers) watch();
      for (const job of waiting.splice(0)) job.answer({ error: new MusterError('SERVER_STOPPING') });
      await Promise.all(children.map((child) => child.close()));
    },
  };
}
