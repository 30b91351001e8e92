import { isIPv4 } from 'node:net';
import { MusterError } from '@muster/contract';

/** Where devices open their WebSocket; both with and without the slash at the end. */
export const WEBSOCKET_PATH = '/xiaozhi/v1/';

const HOST = /^([A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}))(?::(\d{1,5}))?$/;

/** How a boot request reached the server. */
export interface Arrival {
  readonly protocol: string;
  /** The Host header, or what a trusted proxy says it was. */
  readonly host: string | undefined;
  readonly localAddress: string | undefined;
  readonly localPort: number | undefined;
}

/**
 * The WebSocket address for devices, always with a port and never with an IPv6 literal: firmware takes any colon after
 * the scheme for the one before the port and crashes when no number follows.
 */
export function websocketUrl(arrival: Arrival): string {
  const secure = arrival.protocol === 'https';
  const named = HOST.exec(arrival.host ?? '');
  const host = named?.[1] ?? localHost(arrival.localAddress);
  const port = named === null ? arrival.localPort : Number(named[2] ?? (secure ? 443 : 80));
  if (host === null || port === undefined || port < 1 || port > 65_535) {
    throw new MusterError('UNAVAILABLE', {}, { say: 'The address of this server cannot be told; set its public URL.' });
  }
  return `${secure ? 'wss' : 'ws'}://${host}:${port}${WEBSOCKET_PATH}`;
}

/** The same from the configured public URL (`http:` or `https:`). Throws CONFIG_INVALID when devices cannot use it. */
export function publicWebsocketUrl(publicUrl: string): string {
  const url = URL.parse(publicUrl);
  const named = url === null ? null : HOST.exec(url.hostname);
  if (url === null || named === null || !/^https?:$/.test(url.protocol) || /[:?#]/.test(url.pathname + url.search)) {
    throw new MusterError(
      'CONFIG_INVALID',
      { key: 'publicUrl' },
      { say: 'The public URL is no http(s) URL with a name or an IPv4 address.' },
    );
  }
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : url.port;
  const prefix = url.pathname.replace(/\/+$/, '');
  return `${secure ? 'wss' : 'ws'}://${url.hostname}:${port}${prefix}${WEBSOCKET_PATH}`;
}

function localHost(address: string | undefined): string | null {
  if (address === undefined) return null;
  if (address === '::1') return 'localhost';
  const plain = address.replace(/^::ffff:/i, '');
  return isIPv4(plain) ? plain : null;
}
