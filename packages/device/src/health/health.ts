import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MusterError, type PartState, type ReadyReply } from '@muster/contract';

/** One part of the device with its state; `since` is ms of the monotonic clock, null when nothing is known yet. */
export interface Part {
  readonly name: 'link' | 'audio' | 'identity';
  readonly state: PartState;
  readonly since: number | null;
  readonly detail: string | null;
}

export interface HealthServer {
  /** The port it listens on. */
  readonly port: number;
  close(): Promise<void>;
}

/** `GET /health` on loopback: 200 when every part is ready, else 503, with the same truth in the body. */
export async function serveHealth(port: number, parts: () => readonly Part[]): Promise<HealthServer> {
  const server = createServer({ requestTimeout: 5_000, maxHeaderSize: 8_192 }, (request, response) => {
    if (request.url !== '/health' || (request.method !== 'GET' && request.method !== 'HEAD')) {
      response.writeHead(404, { connection: 'close' }).end();
      return;
    }
    const reply = summarise(parts());
    response
      .writeHead(reply.ready ? 200 : 503, {
        'content-type': 'application/json',
        'cache-control': 'no-store',
        connection: 'close',
      })
      .end(request.method === 'HEAD' ? undefined : JSON.stringify(reply));
  });
  server.maxConnections = 16;
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    const say = `Another program, perhaps this device a second time, listens on 127.0.0.1:${port} (healthPort).`;
    throw new MusterError('PORT_IN_USE', { port }, { cause, say });
  }
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function summarise(parts: readonly Part[]): ReadyReply {
  const now = performance.now();
  return {
    ready: parts.every(({ state }) => state === 'ready'),
    parts: parts.map(({ name, state, since, detail }) => ({
      name,
      state,
      ageMs: since === null ? null : Math.round(now - since),
      detail,
    })),
  };
}
