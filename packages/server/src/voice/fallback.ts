import { type Language, MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';
import type { Logger } from '../platform/log.ts';

interface Named {
  readonly id: string;
}

/** What one stage may take and what it says when it took longer. */
export interface StageLimit {
  readonly ms: number;
  readonly code: 'HEARING_TIMEOUT' | 'THINKING_TIMEOUT' | 'SPEAKING_TIMEOUT';
}

export interface StageDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** A provider failed and the next one, if any, is tried. */
  readonly onFailure: (provider: string, error: unknown) => void;
}

/** Providers that understand the language; LANGUAGE_UNSUPPORTED when none does. */
export function speaking<P extends Named & { speaks(language: Language): boolean }>(
  providers: readonly P[],
  language: Language,
): readonly P[] {
  const able = providers.filter((provider) => provider.speaks(language));
  if (able.length === 0) throw new MusterError('LANGUAGE_UNSUPPORTED', { language });
  return able;
}

/** Each provider gets an equal share of what is left, so that a hanging one leaves time for the next. */
function shareOf(limitMs: number, sinceMs: number, providersLeft: number): number {
  return Math.max(50, (limitMs - sinceMs) / providersLeft);
}

/** Asks the providers in order until one answers. Rejects with the last one's error, or the signal's reason. */
export async function firstAnswer<P extends Named, T>(
  deps: StageDeps,
  providers: readonly P[],
  limit: StageLimit,
  signal: AbortSignal,
  ask: (provider: P, signal: AbortSignal) => Promise<T>,
): Promise<{ readonly provider: P; readonly value: T }> {
  const start = deps.clock.monotonic();
  let last: unknown = new MusterError('PROVIDER_UNKNOWN');
  for (const [index, provider] of providers.entries()) {
    const ms = shareOf(limit.ms, deps.clock.monotonic() - start, providers.length - index);
    try {
      const value = await within(deps.clock, { ms, code: limit.code, signal }, (inner) => ask(provider, inner));
      return { provider, value };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      deps.onFailure(provider.id, error);
      last = error;
    }
  }
  throw last;
}

/**
 * Like {@link firstAnswer} for streams: the next provider is tried only while nothing came out of the one before.
 * `limit` holds for each wait for the next item. `onProvider` names the one that speaks.
 */
export async function* firstStream<P extends Named, T>(
  deps: StageDeps,
  providers: readonly P[],
  limit: StageLimit,
  signal: AbortSignal,
  open: (provider: P, signal: AbortSignal) => AsyncIterable<T>,
  onProvider: (provider: P) => void,
): AsyncGenerator<T> {
  const start = deps.clock.monotonic();
  let last: unknown = new MusterError('PROVIDER_UNKNOWN');
  for (const [index, provider] of providers.entries()) {
    const controller = new AbortController();
    const follow = (): void => controller.abort(signal.reason);
    signal.addEventListener('abort', follow, { once: true });
    const iterator = open(provider, controller.signal)[Symbol.asyncIterator]();
    let begun = false;
    try {
      if (signal.aborted) throw signal.reason;
      for (;;) {
        const ms = begun ? limit.ms : shareOf(limit.ms, deps.clock.monotonic() - start, providers.length - index);
        const next = await within(deps.clock, { ms, code: limit.code, signal }, () => iterator.next());
        if (!begun) onProvider(provider);
        begun = true;
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      deps.onFailure(provider.id, error);
      if (begun) throw error;
      last = error;
    } finally {
      signal.removeEventListener('abort', follow);
      controller.abort(new MusterError(limit.code));
      // a provider that ignores its signal must not hold the turn
      iterator.return?.(undefined)?.catch(() => undefined);
    }
  }
  throw last;
}
