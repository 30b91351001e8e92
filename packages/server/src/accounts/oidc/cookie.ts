import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isSecure } from '../sessions/cookie.ts';
import { FLOW_MS } from './oidc.ts';

/**
 * Shows that the browser that comes back is the one that left. Lax, for it comes back from another site. For the prefix
 * see the cookie of sessions.
 */
const NAME = 'muster_oidc';
const nameOf = (secure: boolean): string => (secure ? `__Host-${NAME}` : NAME);
const options = (secure: boolean): CookieSerializeOptions => ({ path: '/', httpOnly: true, sameSite: 'lax', secure });

/** `browser` is compared with what the server knows; where the browser wants to go is its own business. */
export interface Left {
  readonly browser: string;
  readonly returnTo: string;
}

export function setBrowserCookie(
  request: FastifyRequest,
  reply: FastifyReply,
  { browser, returnTo }: Left,
  publicUrl: string | null,
): void {
  const secure = isSecure(request, publicUrl);
  const value = `${browser}.${Buffer.from(returnTo).toString('base64url')}`;
  void reply.setCookie(nameOf(secure), value, { ...options(secure), maxAge: FLOW_MS / 1_000 });
}

/** What the browser shows, once: it is taken from it. */
export function takeBrowserCookie(request: FastifyRequest, reply: FastifyReply, publicUrl: string | null): Left {
  const secure = isSecure(request, publicUrl);
  void reply.clearCookie(nameOf(secure), options(secure));
  const [browser = '', path = ''] = (request.cookies[nameOf(secure)] ?? '').split('.');
  return { browser, returnTo: Buffer.from(path, 'base64url').toString() || '/account' };
}
