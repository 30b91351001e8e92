import { randomUUID } from 'node:crypto';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorReply, MusterError } from '@muster/contract';
import { retryAfterMsOf } from './errors.ts';

/** What every answer says, also those that no route gives: nothing is kept, nothing is loaded, nothing is guessed. */
const HEADERS = [
  'Connection: close',
  'Cache-Control: no-store',
  "Content-Security-Policy: default-src 'none';frame-ancestors 'none'",
  'X-Content-Type-Options: nosniff',
  'Referrer-Policy: no-referrer',
  'Content-Type: application/json; charset=utf-8',
];

/** Answers with an error where there is a connection and no request: a handshake, or bytes that are none. Then ends it. */
export function answerRaw(socket: Duplex, error: MusterError, status = error.status): void {
  const { code, message } = error;
  const retryAfterMs = retryAfterMsOf(error);
  const body = JSON.stringify({ error: { code, message, requestId: randomUUID() } } satisfies ErrorReply);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...HEADERS,
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(retryAfterMs === null ? [] : [`Retry-After: ${Math.ceil(retryAfterMs / 1_000)}`]),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}
