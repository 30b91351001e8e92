import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import type { Place } from './passkeys.ts';

/**
 * Where people see this server. Passkeys hang on the name of the host, so it is that of `http.publicUrl`, or localhost
 * for whoever tries it on their own machine: never what a request says it is. Null elsewhere.
 */
export function placeOrNull(
  { protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>,
  publicUrl: string | null,
): Place | null {
  if (publicUrl !== null) {
    const { origin, hostname } = new URL(publicUrl);
    return { origin, host: hostname };
  }
  const [name] = host.split(':');
  return name === 'localhost' ? { origin: `${protocol}://${host}`, host: name } : null;
}

/** The same; PASSKEY_UNAVAILABLE where there is none. */
export function placeOf(...asked: Parameters<typeof placeOrNull>): Place {
  const place = placeOrNull(...asked);
  if (place === null) throw new MusterError('PASSKEY_UNAVAILABLE');
  return place;
}
