import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../../platform/clock.ts';
import { forgetOldest } from '../../platform/forget-oldest.ts';
import { fingerprintOf } from '../../platform/tls/client-certificate.ts';
import type { DeviceInbox, KnownDevice } from './inbox.ts';
import { type DeviceCredentials, signIn } from './sign-in.ts';

/** How long a token or certificate is known without asking the database, ms. A revoked device is forgotten at once. */
const KNOWN_MS = 5_000;
const MOST_KNOWN = 20_000;

/** Whose request this is: asking the database for every message of every device would cost more than the message. */
export interface Tokens {
  /** DEVICE_TOKEN_INVALID, CERTIFICATE_REFUSED. */
  deviceOf(shown: DeviceCredentials): Promise<KnownDevice>;
  forget(deviceId: string): void;
  /** Forgets tokens by what is stored of them, hex. */
  forgetTokens(hashes: ReadonlySet<string>): void;
}

export function createTokens(inbox: DeviceInbox, clock: Clock): Tokens {
  const known = new Map<string, { readonly device: KnownDevice; readonly until: number }>();
  return {
    async deviceOf({ token: given, certificate }) {
      const token = given === '' ? null : given;
      if ((token === null && certificate === null) || (token?.length ?? 0) > 256) {
        throw new MusterError('DEVICE_TOKEN_INVALID');
      }
      const key = `${token ?? ''} ${certificate === null ? '' : fingerprintOf(certificate.leaf)}`;
      const found = known.get(key);
      if (found !== undefined && found.until > clock.monotonic()) return found.device;
      const device = await signIn(inbox, { token, certificate });
      known.delete(key);
      if (device === null) throw new MusterError('DEVICE_TOKEN_INVALID');
      known.set(key, { device, until: clock.monotonic() + KNOWN_MS });
      forgetOldest(known, MOST_KNOWN);
      return device;
    },
    forget(deviceId) {
      for (const [key, { device }] of known) if (device.deviceId === deviceId) known.delete(key);
    },
    forgetTokens(hashes) {
      for (const [key, { device }] of known) {
        if (device.credential !== undefined && hashes.has(device.credential)) known.delete(key);
      }
    },
  };
}

/** `Authorization: Bearer TOKEN`. */
export function bearerOf(request: Pick<FastifyRequest, 'headers'>): string | null {
  const header = request.headers.authorization;
  return header?.startsWith('Bearer ') === true ? header.slice('Bearer '.length) : null;
}
