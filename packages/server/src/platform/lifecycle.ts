import type { Clock } from './clock.ts';
import { within } from './deadline.ts';
import type { Logger } from './log.ts';

/** What has to be undone at the end, in the opposite order of its beginning. */
export interface Lifecycle {
  /** `task` gets `limitMs`; when it takes longer or fails, that is logged and the stop goes on. */
  onStop(name: string, limitMs: number, task: () => Promise<void> | void): void;
  /** Runs every task once, the newest first. Later calls wait for the same stop. */
  stop(): Promise<void>;
}

export function createLifecycle(clock: Clock, log: Logger): Lifecycle {
  const tasks: { name: string; limitMs: number; task: () => Promise<void> | void }[] = [];
  let stopping: Promise<void> | null = null;

  async function stopAll(): Promise<void> {
    for (let next = tasks.pop(); next !== undefined; next = tasks.pop()) {
      const { name, limitMs, task } = next;
      try {
        await within(clock, { ms: limitMs, code: 'UNAVAILABLE' }, async () => task());
        log.debug({ part: name }, 'stopped');
      } catch (error) {
        log.error({ err: error, part: name }, 'a part did not stop in order');
      }
    }
  }

  return {
    onStop: (name, limitMs, task) => void tasks.push({ name, limitMs, task }),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}
