import type { Clock } from './clock.ts';
import { forgetOldest } from './forget-oldest.ts';

/** Messages and bytes of one client, as token buckets that hold one second. */
export interface ClientRate {
  /** Counts a message; false when the client is past its rate. */
  take(bytes: number): boolean;
  /** A message turned out to be worth so many more: the next one finds them taken. */
  spend(messages: number): void;
  /** How long the client shall not be read, ms; 0 when it keeps to its rate again. */
  waitMs(): number;
}

export function createClientRate(clock: Clock, messagesPerSecond: number, bytesPerSecond: number): ClientRate {
  let messages = messagesPerSecond;
  let bytes = bytesPerSecond;
  let at = clock.monotonic();
  function waitMs(): number {
    const now = clock.monotonic();
    const seconds = (now - at) / 1_000;
    at = now;
    messages = Math.min(messagesPerSecond, messages + seconds * messagesPerSecond);
    bytes = Math.min(bytesPerSecond, bytes + seconds * bytesPerSecond);
    if (messages >= 0 && bytes >= 0) return 0;
    return Math.ceil(1_000 * Math.max(-messages / messagesPerSecond, -bytes / bytesPerSecond)) + 10;
  }
  return {
    take(size) {
      messages -= 1;
      bytes -= size;
      // the clock is looked at only when a bucket is empty: for each message it would cost more than the rest
      return (messages >= 0 && bytes >= 0) || waitMs() === 0;
    },
    spend(more) {
      messages -= more;
    },
    waitMs,
  };
}

/** For a client that is not known yet. */
export const UNLIMITED: ClientRate = { take: () => true, spend: () => undefined, waitMs: () => 0 };

/** One rate for each client, whatever number of connections it has, and over whatever wire. */
export interface ClientRates {
  of(key: string): ClientRate;
}

/** Clients whose rate is remembered; those that came longest ago are forgotten, with a full allowance again. */
const MOST_CLIENTS = 50_000;

export function createClientRates(clock: Clock, messagesPerSecond: number, bytesPerSecond: number): ClientRates {
  const rates = new Map<string, ClientRate>();
  return {
    of(key) {
      const rate = rates.get(key) ?? createClientRate(clock, messagesPerSecond, bytesPerSecond);
      rates.delete(key);
      rates.set(key, rate);
      forgetOldest(rates, MOST_CLIENTS);
      return rate;
    },
  };
}
