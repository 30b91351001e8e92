import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import type { Place } from './passkeys.ts';

/**
 * Where people see this server. Passkeys hang on the name of the host, so it is that of `http.publicUrl`, or localhost
 * for whoever tries it on their own machine: never what a request says it is. PASSKEY_UNAVAILABLE elsewhere.
 */
export function placeOf(
  { protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>,
  publicUrl: string | null,
): Place {
  if (publicUrl !== null) {
    const { origin, hostname } = new URL(publicUrl);
    return { origin, host: hostname };
  }
  const [name] = host.split(':');
  if (name === 'localhost') return { origin: `${protocol}://${host}`, host: name };
  throw new MusterError('PASSKEY_UNAVAILABLE');
}
