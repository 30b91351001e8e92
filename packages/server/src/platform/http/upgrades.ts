import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { MusterError } from '@muster/contract';
import type { Http } from './index.ts';
import { answerRaw } from './raw-answer.ts';

/** Answers a WebSocket handshake with an HTTP error and ends the connection. */
export function refuseUpgrade(socket: Duplex, error: unknown): void {
  answerRaw(socket, error instanceof MusterError ? error : new MusterError('INTERNAL', {}, { cause: error }));
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
