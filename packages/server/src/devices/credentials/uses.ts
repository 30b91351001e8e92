import type { Clock } from '../../platform/clock.ts';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import type { Logger } from '../../platform/log.ts';
import type { CredentialStore } from './store.ts';

/** Uses are written together, so often, ms; of one token once a minute. */
const WRITE_MS = 5_000;
const AGAIN_MS = 60_000;
const MOST = 50_000;

/** When tokens were last used, for people who look at them: a fleet that comes back costs a few statements. */
export interface TokenUses {
  /** Returns at once. */
  note(hash: string): void;
  stop(): Promise<void>;
}

export function createTokenUses(deps: {
  readonly store: Pick<CredentialStore, 'used'>;
  readonly clock: Clock;
  readonly log: Logger;
}): TokenUses {
  const { store, clock, log } = deps;
  const waiting = new Set<string>();
  /** When they were noted last, monotonic ms; the oldest first. */
  const noted = new Map<string, number>();
  let cancel: (() => void) | null = null;
  let writing: Promise<void> = Promise.resolve();

  function write(): void {
    cancel = null;
    const hashes = [...waiting];
    waiting.clear();
    writing = store
      .used(hashes, clock.now())
      .catch((error: unknown) => log.warn({ err: error }, 'uses of tokens were not stored'));
  }

  return {
    note(hash) {
      const now = clock.monotonic();
      if (now - (noted.get(hash) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS) return;
      noted.delete(hash);
      noted.set(hash, now);
      forgetOldest(noted, MOST);
      waiting.add(hash);
      cancel ??= clock.after(WRITE_MS, write);
    },
    async stop() {
      cancel?.();
      cancel = null;
      await writing;
    },
  };
}
