import { codeOf, LIMITS, MusterError } from '@muster/contract';
import type { ClientRate } from '../../platform/client-rate.ts';
import { type Clock, sleep } from '../../platform/clock.ts';

/** A request costs the server as much as so many messages on a connection that is open. */
const REQUEST_WORTH = LIMITS.deviceMessagesPerSecond / LIMITS.deviceRequestsPerSecond;

/**
 * Counts a request, or a handshake, and the bytes of its body. RATE_LIMITED, with the time to wait, when its device is
 * past its rate: that costs next to nothing and is not counted, or the device would never be let in again.
 */
export function countRequest(rate: ClientRate, bytes: number): void {
  const retryAfterMs = rate.waitMs();
  if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
  rate.spend(REQUEST_WORTH - 1);
  rate.take(bytes);
}

/** How long a refusal is held back, ms. */
const HOLD_MS = 1_000;
/** Refusals of one device that are held back at a time; the next ones are told at once. */
const MOST_HELD = 32;

/**
 * The same for requests, whose client would ask again as soon as it is refused: it is told a second later, and its body
 * is not read meanwhile. A device that does not heed `retry-after` then costs a request a second for each connection.
 */
export function createRequestCounter(clock: Clock) {
  const held = new Map<string, number>();
  return async (deviceId: string, rate: ClientRate, bytes: number): Promise<void> => {
    try {
      countRequest(rate, bytes);
    } catch (error) {
      const others = held.get(deviceId) ?? 0;
      if (codeOf(error) !== 'RATE_LIMITED' || others >= MOST_HELD) throw error;
      held.set(deviceId, others + 1);
      await sleep(clock, HOLD_MS);
      const left = (held.get(deviceId) ?? 1) - 1;
      if (left > 0) held.set(deviceId, left);
      else held.delete(deviceId);
      throw error;
    }
  };
}
