import type { CookieSerializeOptions } from '@fastify/cookie';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { NewSession } from './sessions.ts';

/**
 * The session of a browser. Over https the name has the prefix `__Host-`, with which a browser lets neither another host
 * of the domain nor a page without encryption set it (RFC 6265bis, section 4.1.3.2).
 */
const NAME = 'muster_session';
const SECURE_NAME = `__Host-${NAME}`;

/** Of these the first that is there counts. */
export const SESSION_COOKIES = [SECURE_NAME, NAME] as const;

export function setSessionCookie(reply: FastifyReply, { token, expiresAt }: NewSession, isSecure: boolean): void {
  void reply.setCookie(isSecure ? SECURE_NAME : NAME, token, { ...options(isSecure), expires: new Date(expiresAt) });
}

export function clearSessionCookies(reply: FastifyReply): void {
  void reply.clearCookie(SECURE_NAME, options(true)).clearCookie(NAME, options(false));
}

/** Whether the browser came by https, or would if it came by our public address. */
export const isSecure = ({ protocol }: FastifyRequest, publicUrl: string | null): boolean =>
  protocol === 'https' || publicUrl?.startsWith('https:') === true;

const options = (secure: boolean): CookieSerializeOptions => ({
  path: '/',
  httpOnly: true,
  sameSite: 'strict',
  secure,
});

/**
 * From the header (programs) or the cookie (browsers). Over https only the guarded name counts: the other one may have
 * been set by a page of another host.
 */
export function sessionToken({ headers, cookies, protocol }: FastifyRequest): string | null {
  const { authorization } = headers;
  if (authorization !== undefined) {
    return authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : null;
  }
  return cookies[SECURE_NAME] ?? (protocol === 'https' ? null : (cookies[NAME] ?? null));
}
