import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { MusterError } from '@muster/contract';

/**
 * The token that comes with a handshake: of the header (programs), else of the cookie (browsers). Null: the first frame
 * brings it. A token in the address would end in logs, so none is read there.
 */
export function tokenOf(
  request: IncomingMessage,
  cookieNames: readonly string[],
  parseCookie: (header: string) => Readonly<Record<string, string | undefined>>,
): { readonly token: string; readonly from: 'header' | 'cookie' } | null {
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined) {
    if (!authorization.startsWith('Bearer ')) throw new MusterError('SIGN_IN_REQUIRED');
    return { token: authorization.slice('Bearer '.length), from: 'header' };
  }
  const cookies = cookie === undefined ? {} : parseCookie(cookie);
  const token = cookieNames.map((name) => cookies[name]).find((value) => value !== undefined);
  return token === undefined ? null : { token, from: 'cookie' };
}

/**
 * A browser says whose page opens the connection, and sends our cookie along whoever that is. FORBIDDEN unless the page
 * is of this server, as it was asked or as `publicUrl` says. Programs send no origin.
 */
export function checkOrigin(request: IncomingMessage, publicUrl: string | null): void {
  const { origin, host } = request.headers;
  if (origin === undefined) return;
  const from = URL.parse(origin);
  const isOurs =
    from !== null && (from.host === host || (publicUrl !== null && from.origin === new URL(publicUrl).origin));
  if (!isOurs) throw new MusterError('FORBIDDEN', {}, { say: 'Pages of other sites may not read the live feed.' });
}

/** Whether the browser came by https, as far as this connection or our public address tells. */
export function isSecure({ socket }: IncomingMessage, publicUrl: string | null): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true || publicUrl?.startsWith('https:') === true;
}
