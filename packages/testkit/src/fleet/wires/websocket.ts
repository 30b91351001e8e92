import {
  type CommandMessage,
  ERROR_CODES,
  type ErrorCode,
  isErrorCode,
  MusterError,
  type TwinDelta,
} from '@muster/contract';
import { WebSocket } from 'ws';
import type { TimerWheel } from '../timer-wheel.ts';
import type { Caller, Hearer, Link, Verdict, Wire } from './wire.ts';

const OPEN_MS = 20_000;
/** The server pings every 20 s: silent for three of them, it is gone. */
const SILENT_MS = 60_000;
const PAUSE_MS = 1_000;

interface Waiting {
  resolve(verdict: Verdict): void;
  reject(error: unknown): void;
}

/** Frames `{type, id, …}` on one socket for each device. */
export function createWebSocketWire(server: string, wheel: TimerWheel): Wire {
  const url = `${server.replace(/^http/, 'ws')}/device/v1/socket`;
  return {
    async open(caller, hearer) {
      const socket = new WebSocket(url, {
        headers: { authorization: `Bearer ${caller.token}` },
        perMessageDeflate: false,
      });
      await opened(socket, caller, wheel, server);
      const link = talk(socket, hearer, wheel, server);
      const verdict = await link.listen();
      if (verdict.outcome === 'acked') return link;
      link.close(true);
      throw new MusterError('SERVER_UNREACHABLE', { server });
    },
    close: () => undefined,
  };
}

function opened(socket: WebSocket, { deviceId }: Caller, wheel: TimerWheel, server: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = wheel.after(OPEN_MS, () => socket.terminate());
  socket.once('open', () => resolve());
  socket.once('error', (cause) => reject(new MusterError('SERVER_UNREACHABLE', { server }, { cause })));
  socket.once('unexpected-response', (request, response) => {
    request.destroy();
    if (response.statusCode === 401) return reject(new MusterError('DEVICE_TOKEN_INVALID', { deviceId }));
    const retryAfterMs = 1_000 * Number(response.headers['retry-after'] ?? 0);
    reject(new MusterError('SERVER_UNREACHABLE', { server, status: response.statusCode ?? 0, retryAfterMs }));
  });
  return promise.finally(cancel);
}

function talk(
  socket: WebSocket,
  hearer: Hearer,
  wheel: TimerWheel,
  server: string,
): Link & { listen(): Promise<Verdict> } {
  const waiting = new Map<number, Waiting>();
  let lastId = 0;
  let isOurs = false;
  let heardAt = wheel.monotonic();
  let cancelWatch = wheel.after(SILENT_MS, watch);

  function watch(): void {
    if (wheel.monotonic() - heardAt >= SILENT_MS) socket.terminate();
    else cancelWatch = wheel.after(SILENT_MS, watch);
  }

  function ask(type: string, body: object): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      if (socket.readyState !== WebSocket.OPEN) return reject(new MusterError('SERVER_UNREACHABLE', { server }));
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      socket.send(JSON.stringify({ type, id: lastId, ...body }));
    });
  }

  socket.on('ping', () => {
    heardAt = wheel.monotonic();
  });
  socket.on('message', (data) => {
    heardAt = wheel.monotonic();
    const { type, id, ...body } = JSON.parse(String(data)) as { type: string; id?: number };
    if (type === 'command') return hearer.command(body as unknown as CommandMessage);
    if (type === 'twinDelta') return hearer.twinDelta(body as unknown as TwinDelta);
    const one = waiting.get(id ?? 0);
    waiting.delete(id ?? 0);
    one?.resolve(type === 'ack' ? { outcome: 'acked' } : refusal((body as { code?: string }).code ?? ''));
  });
  // 'close' follows
  socket.on('error', () => socket.terminate());
  socket.on('close', () => {
    cancelWatch();
    for (const one of waiting.values()) one.reject(new MusterError('SERVER_UNREACHABLE', { server }));
    waiting.clear();
    if (!isOurs) hearer.closed(0);
  });

  return {
    listen: () => ask('listen', { commands: true, twin: true }),
    send: (kind, body) => ask(kind, body),
    close(abruptly) {
      isOurs = true;
      if (abruptly) socket.terminate();
      else socket.close(1000);
    },
  };
}

function refusal(code: string): Verdict {
  const known: ErrorCode | 'UNSAID' = isErrorCode(code) ? code : 'UNSAID';
  if (known !== 'UNSAID' && !ERROR_CODES[known].retryable) return { outcome: 'refused', code: known };
  return { outcome: 'again', afterMs: PAUSE_MS };
}
