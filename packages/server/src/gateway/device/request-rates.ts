import { LIMITS, MusterError } from '@muster/contract';
import { type ClientRate, createClientRate } from '../../platform/client-rate.ts';
import type { Clock } from '../../platform/clock.ts';

/** Devices whose rate is remembered; those that asked longest ago are forgotten, with a full allowance again. */
const MOST_DEVICES = 20_000;

/** How fast one device may ask over HTTP, whatever number of connections it asks on. */
export interface RequestRates {
  /** Counts a request and the bytes of its body. RATE_LIMITED, with the time to wait, when the device is past its rate. */
  take(deviceId: string, bytes: number): void;
  /** Its last request was worth so many more. */
  spend(deviceId: string, messages: number): void;
}

export function createRequestRates(clock: Clock): RequestRates {
  const rates = new Map<string, ClientRate>();
  return {
    take(deviceId, bytes) {
      const rate =
        rates.get(deviceId) ?? createClientRate(clock, LIMITS.deviceRequestsPerSecond, LIMITS.deviceBytesPerSecond);
      rates.delete(deviceId);
      rates.set(deviceId, rate);
      if (rates.size > MOST_DEVICES) {
        const oldest = rates.keys().next();
        if (oldest.done !== true) rates.delete(oldest.value);
      }
      // what is refused costs next to nothing, and is not counted: the device would never be let in again
      const retryAfterMs = rate.waitMs();
      if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
      rate.take(bytes);
    },
    spend: (deviceId, messages) => rates.get(deviceId)?.spend(messages),
  };
}
