import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { MusterError } from '@muster/contract';

/** Largest reply read, bytes: an OTA reply is under 1 kB. */
const REPLY_BYTES = 65_536;

export interface Reply {
  readonly status: number;
  readonly text: string;
}

/**
 * `POST` with exactly these headers and a connection of its own, as the firmware does (`fetch` would add its own
 * headers). Throws SERVER_UNREACHABLE when no whole reply comes within `timeoutMs`.
 */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
): Promise<Reply> {
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const send = url.startsWith('https:') ? requestHttps : requestHttp;
  const fail = (cause: unknown): void => reject(new MusterError('SERVER_UNREACHABLE', { url }, { cause }));
  const request = send(url, {
    method: 'POST',
    agent: false,
    headers: { ...headers, Connection: 'close', 'Content-Length': Buffer.byteLength(body) },
    signal: AbortSignal.timeout(timeoutMs),
  });
  request.on('error', fail);
  request.on('response', (response) => {
    let text = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      text += chunk;
      if (text.length > REPLY_BYTES) response.destroy(new MusterError('REQUEST_TOO_LARGE', { limit: REPLY_BYTES }));
    });
    response.on('error', fail);
    response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
  });
  request.end(body);
  return promise;
}
