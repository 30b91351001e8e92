import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';

export const CALLBACK_PATH = '/api/oidc/callback';

/**
 * Where the provider sends people back to. It is registered there word for word, so it is that of `http.publicUrl`, or of
 * this machine for whoever tries it there; never what a request says it is. SSO_UNAVAILABLE elsewhere.
 */
export function redirectUriOf(
  { protocol, host }: Pick<FastifyRequest, 'protocol' | 'host'>,
  publicUrl: string | null,
): string {
  if (publicUrl !== null) return publicUrl.replace(/\/$/, '') + CALLBACK_PATH;
  if (/^(localhost|127\.0\.0\.1)(:\d+)?$/.test(host)) return `${protocol}://${host}${CALLBACK_PATH}`;
  const say = 'Single sign-on needs a fixed name: set http.publicUrl, or open the server as http://localhost.';
  throw new MusterError('SSO_UNAVAILABLE', { host }, { say });
}
