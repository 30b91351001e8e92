import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../platform/clock.ts';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';

/** How long a token is known without asking the database, ms. A revoked device is forgotten at once. */
const KNOWN_MS = 5_000;
const MOST_KNOWN = 20_000;

/** Whose request this is: asking the database for every message of every device would cost more than the message. */
export interface Tokens {
  /** DEVICE_TOKEN_INVALID. */
  deviceOf(token: string | null): Promise<KnownDevice>;
  forget(deviceId: string): void;
}

export function createTokens(inbox: DeviceInbox, clock: Clock): Tokens {
  const known = new Map<string, { readonly device: KnownDevice; readonly until: number }>();
  return {
    async deviceOf(token) {
      if (token === null || token === '' || token.length > 256) throw new MusterError('DEVICE_TOKEN_INVALID');
      const found = known.get(token);
      if (found !== undefined && found.until > clock.monotonic()) return found.device;
      const device = await inbox.authenticate(token, null);
      known.delete(token);
      if (device === null) throw new MusterError('DEVICE_TOKEN_INVALID');
      known.set(token, { device, until: clock.monotonic() + KNOWN_MS });
      forgetOldest(known, MOST_KNOWN);
      return device;
    },
    forget(deviceId) {
      for (const [token, { device }] of known) if (device.deviceId === deviceId) known.delete(token);
    },
  };
}

/** `Authorization: Bearer TOKEN`. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string | null {
  const header = request.headers.authorization;
  return header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : null;
}
