import { randomUUID } from 'node:crypto';
import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { MusterError } from '@muster/contract';
import { retryAfterMsOf } from './errors.ts';
import type { Http } from './index.ts';

/** Answers a WebSocket handshake with an HTTP error and ends the connection. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  const known = error instanceof MusterError ? error : new MusterError('INTERNAL', {}, { cause: error });
  const { code, message, status } = known;
  const retryAfterMs = retryAfterMsOf(known);
  const body = JSON.stringify({ error: { code, message, requestId: randomUUID() } });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterMs === null ? [] : [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`]),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Each WebSocket listens for its own path; this refuses all others. Call it once, with every path there is. */
export function refuseOtherUpgrades(http: Http, paths: readonly string[]): void {
  http.server.on('upgrade', (request: IncomingMessage, socket: Duplex) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (paths.some((known) => path === known || `${path}/` === known)) return;
    socket.on('error', () => socket.destroy());
    refuseUpgrade(socket, new MusterError('NOT_FOUND'));
  });
}
