import { LIMITS, MusterError } from '@muster/contract';
import type { ClientRate } from '../../platform/client-rate.ts';

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
