import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** What the proxy does to what passes, from now on, for connections that are open and for new ones. */
export interface Faults {
  /** Each chunk waits this long, ms, and up to `jitterMs` more; the order is kept. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  /** Nothing passes, and nobody is told: the sockets stay open. `both` is a cable that was pulled. */
  readonly silent?: 'up' | 'down' | 'both';
  /** At most so many bytes a second pass to the client. */
  readonly downBytesPerSecond?: number;
  /** After so many bytes to the server the connection is reset. */
  readonly truncateUpAfter?: number;
  /** New connections are refused. */
  readonly refuse?: boolean;
}

/** A TCP proxy between a device and a server that breaks what it is told to. */
export interface FaultProxy {
  readonly port: number;
  set(faults: Faults): void;
  /** Resets every connection now. */
  resetAll(): void;
  connections(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  let faults: Faults = {};

  /** Passes chunks in order, each when its time has come and there is room. */
  function pump(from: Socket, to: Socket, direction: 'up' | 'down'): void {
    let passed = 0;
    let tail: Promise<void> = Promise.resolve();
    from.on('data', (chunk: Buffer) => {
      from.pause();
      tail = tail.then(() => pass(chunk)).then(() => void from.resume());
    });
    async function pass(chunk: Buffer): Promise<void> {
      const { delayMs = 0, jitterMs = 0, silent, downBytesPerSecond, truncateUpAfter } = faults;
      if (delayMs > 0 || jitterMs > 0) await wait(delayMs + Math.random() * jitterMs);
      if (silent === 'both' || silent === direction || to.destroyed) return;
      if (direction === 'up' && truncateUpAfter !== undefined && passed + chunk.length > truncateUpAfter) {
        to.write(chunk.subarray(0, Math.max(0, truncateUpAfter - passed)));
        from.resetAndDestroy();
        to.resetAndDestroy();
        return;
      }
      passed += chunk.length;
      if (direction === 'up' || downBytesPerSecond === undefined) {
        if (!to.write(chunk)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
        return;
      }
      for (let at = 0; at < chunk.length && !to.destroyed; at += downBytesPerSecond) {
        to.write(chunk.subarray(at, at + downBytesPerSecond));
        await wait(1_000);
      }
    }
    from.on('end', () => void tail.then(() => faults.silent === undefined && to.end()));
    from.on('error', () => to.destroy());
    from.on('close', () => faults.silent === undefined && to.destroy());
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (faults.refuse === true) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true });
    const pair = { client, server: upstream };
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    pump(client, upstream, 'up');
    pump(upstream, client, 'down');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      faults = next;
    },
    resetAll() {
      for (const { client, server: upstream } of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
    },
    connections: () => pairs.size,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const { client, server: upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      await closed;
    },
  };
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms));
}
