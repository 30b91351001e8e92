import type { Clock } from '../../../platform/clock.ts';

/** Messages and bytes of one client, as token buckets that hold one second. */
export interface ClientRate {
  /** Counts a message; how long the client shall not be read, ms, 0 while it keeps to its rate. */
  take(bytes: number): number;
}

export function createClientRate(clock: Clock, messagesPerSecond: number, bytesPerSecond: number): ClientRate {
  let messages = messagesPerSecond;
  let bytes = bytesPerSecond;
  let at = clock.monotonic();
  return {
    take(size) {
      messages -= 1;
      bytes -= size;
      if (messages >= 0 && bytes >= 0) return 0;
      // looked at only when a bucket is empty: a clock for each message would cost more than the rest
      const now = clock.monotonic();
      const seconds = (now - at) / 1_000;
      at = now;
      messages = Math.min(messagesPerSecond, messages + seconds * messagesPerSecond);
      bytes = Math.min(bytesPerSecond, bytes + seconds * bytesPerSecond);
      if (messages >= 0 && bytes >= 0) return 0;
      return Math.ceil(1_000 * Math.max(-messages / messagesPerSecond, -bytes / bytesPerSecond)) + 10;
    },
  };
}
