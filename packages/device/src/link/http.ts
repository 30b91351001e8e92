import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { MusterError } from '@muster/contract';
import { routeTo } from './address.ts';

/** Largest reply read, bytes: a check-in reply is under 1 kB. */
const REPLY_BYTES = 65_536;
/** The Python clients' limit; the firmware waits 30 s. */
const REPLY_MS = 10_000;

export interface HttpReply {
  readonly status: number;
  readonly text: string;
}

/** `POST` of JSON. Throws SERVER_UNREACHABLE when no whole reply comes in 10 s, CONFIG_INVALID for a bad address. */
export function postJson(
  address: string,
  headers: Readonly<Record<string, string>>,
  body: object,
  options: { readonly ca: readonly string[] | undefined; readonly signal: AbortSignal },
): Promise<HttpReply> {
  const { url, lookup } = routeTo(address, 'https:', 'http:');
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const fail = (cause: Error): void => {
    const known = cause instanceof MusterError && cause.code === 'CONFIG_INVALID';
    reject(known ? cause : new MusterError('SERVER_UNREACHABLE', { host: url.host }, { cause }));
  };
  const text = JSON.stringify(body);
  const send = url.protocol === 'https:' ? requestHttps : requestHttp;
  const request = send(url, {
    method: 'POST',
    agent: false,
    headers: { ...headers, 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) },
    signal: AbortSignal.any([options.signal, AbortSignal.timeout(REPLY_MS)]),
    ...(lookup === undefined ? {} : { lookup }),
    ...(options.ca === undefined ? {} : { ca: [...options.ca] }),
  });
  request.on('error', fail);
  request.on('response', (response) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.byteLength;
      if (bytes > REPLY_BYTES) response.destroy(new MusterError('REQUEST_TOO_LARGE', { limit: REPLY_BYTES }));
      else chunks.push(chunk);
    });
    response.on('error', fail);
    response.on('end', () =>
      resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
    );
  });
  request.end(text);
  return promise;
}
