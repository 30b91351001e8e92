import { type Language, MusterError } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import { within } from '../platform/deadline.ts';
import { type Attempt, openAttempt, type StageLimit } from './attempt.ts';

interface Named {
  readonly id: string;
}

export interface StageDeps {
  readonly clock: Clock;
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
 * Like {@link firstAnswer} for streams: the next provider is tried only while nothing came out of the one before and
 * it did nothing that cannot be taken back. A stream without any item is a failure (PROVIDER_BROKEN). `limit` holds
 * for each wait for the next item. `onProvider` names the one that speaks.
 */
export async function* firstStream<P extends Named, T>(
  deps: StageDeps,
  providers: readonly P[],
  limit: StageLimit,
  signal: AbortSignal,
  open: (provider: P, attempt: Attempt) => AsyncIterable<T>,
  onProvider: (provider: P) => void,
): AsyncGenerator<T> {
  const start = deps.clock.monotonic();
  let last: unknown = new MusterError('PROVIDER_UNKNOWN');
  for (const [index, provider] of providers.entries()) {
    const attempt = openAttempt(deps.clock, limit, signal);
    let stream: AsyncIterator<T> | null = null;
    let begun = false;
    try {
      const iterator = open(provider, attempt)[Symbol.asyncIterator]();
      stream = iterator;
      for (;;) {
        const ms = begun ? limit.ms : shareOf(limit.ms, deps.clock.monotonic() - start, providers.length - index);
        const next = await attempt.wait(ms, () => iterator.next());
        if (next.done === true) {
          if (begun) return;
          throw new MusterError('PROVIDER_BROKEN', { provider: provider.id }, { say: 'The provider gave nothing.' });
        }
        if (!begun) onProvider(provider);
        begun = true;
        yield next.value;
      }
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      deps.onFailure(provider.id, error);
      if (begun || attempt.hasActed) throw error;
      last = error;
    } finally {
      attempt.end();
      // a provider that ignores its signal must not hold the turn
      stream?.return?.(undefined)?.catch(() => undefined);
    }
  }
  throw last;
}
