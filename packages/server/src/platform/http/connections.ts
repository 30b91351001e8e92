import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { MusterError } from '@muster/contract';
import type { Static } from 'typebox';
import type { Metrics } from '../metrics.ts';
import type { httpConfig } from './config.ts';
import { answerRaw } from './raw-answer.ts';

/** How long a client may take, ms; the headers of a request may be so long, bytes: as Node and nginx have it. */
export const SLOW_CLIENTS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  /** How often those that are late are looked for. */
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16_384,
} as const;

/** Closes connections past the limits before a byte of them is read, and counts them. */
export function limitConnections(server: Server, config: Static<typeof httpConfig>, metrics: Metrics): void {
  const refused = metrics.counter('muster_http_refused_total', 'Connections that were refused, by limit', ['limit']);
  const open = new Map<string, number>();
  server.maxConnections = config.maxConnections;
  server.on('drop', () => refused.inc({ limit: 'all' }));
  // a proxy brings everybody: it has to count
  if (config.behindProxy) return;
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    if (count > config.connectionsPerAddress) {
      refused.inc({ limit: 'address' });
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

/** What Node's parser refused before there was a request, or waited for too long: in the words of every other error. */
export function answerBroken({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (code === 'ECONNRESET' || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, say] = BROKEN[code ?? ''] ?? [400, 'This is no request of HTTP.'];
  answerRaw(socket, new MusterError('REQUEST_INVALID', {}, { say }), status);
}

const BROKEN: Readonly<Record<string, readonly [status: number, say: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The headers of the request are too long.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not come in time.'],
};
