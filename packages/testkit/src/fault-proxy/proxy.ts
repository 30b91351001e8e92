import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { type DirectionFaults, pump, reset } from './pump.ts';

/** What the proxy does to what passes, from now on, for connections that are open and for new ones. */
export interface Faults {
  /** From the client to the server. */
  readonly up?: DirectionFaults;
  /** From the server to the client. */
  readonly down?: DirectionFaults;
  /** Both ways. `up` and `down` go before it. */
  readonly both?: DirectionFaults;
  /** New connections are refused. */
  readonly refuse?: boolean;
}

/** A TCP proxy between a device and a server that breaks what it is told to. */
export interface FaultProxy {
  readonly port: number;
  /** The faults from now on, in the place of those before; `{}` is none. What a silent proxy swallowed does not come back. */
  set(faults: Faults): void;
  /** Resets every connection now. */
  resetAll(): void;
  connections(): number;
  close(): Promise<void>;
}

export async function startFaultProxy(target: { readonly host: string; readonly port: number }): Promise<FaultProxy> {
  const pairs = new Set<{ readonly client: Socket; readonly server: Socket }>();
  let faults: Faults = {};

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    if (faults.refuse === true) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    const pair = { client, server: upstream };
    pairs.add(pair);
    client.once('close', () => pairs.delete(pair));
    pump(client, upstream, () => ({ ...faults.both, ...faults.up }));
    pump(upstream, client, () => ({ ...faults.both, ...faults.down }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    set(next) {
      faults = next;
    },
    resetAll() {
      for (const { client, server: upstream } of pairs) reset(client, upstream);
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
