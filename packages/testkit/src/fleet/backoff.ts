import type { Random } from './random.ts';

export interface BackoffOptions {
  /** The span that the first wait is chosen from, ms; doubled with each failure. */
  readonly firstMs: number;
  /** The longest such span, ms. */
  readonly mostMs: number;
}

export const DEFAULT_BACKOFF: BackoffOptions = { firstMs: 1_000, mostMs: 15_000 };

/**
 * How long to wait after the nth failure in a row (from 0), ms: anywhere between nothing and the span ("full jitter"),
 * so that devices that lost their server together do not come back together. What the server asked for is waited in
 * full, and up to as long again.
 */
export function backoffMs(failures: number, askedMs: number, random: Random, options: BackoffOptions): number {
  const span = Math.min(options.mostMs, options.firstMs * 2 ** Math.min(failures, 30));
  return askedMs > 0 ? askedMs + random() * Math.max(askedMs, span) : random() * span;
}
