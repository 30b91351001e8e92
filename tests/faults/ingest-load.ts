import { connectLightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';
import type { AckedLog } from './acked-log.ts';

/** One simulated device: it counts its messages, keeps what was not acknowledged and sends it again, as devices must. */
export interface LoadDevice {
  readonly deviceId: string;
  readonly token: string;
  readonly wire: 'mqtt' | 'http' | 'socket';
  /** The next number of its stream, and the messages that no acknowledgement came for. */
  seq: number;
  readonly unacked: Map<number, { readonly at: number; readonly value: number }>;
}

/** A way to send one message; resolves when it is acknowledged. */
type Send = (message: object) => Promise<void>;

/** Messages of one device under way at a time. */
const IN_FLIGHT = 8;
const STREAM = 'main';

/**
 * Every device sends as fast as it is acknowledged until the connection breaks or `signal` is aborted. First goes what
 * was not acknowledged before, with its old number. Never rejects.
 */
export async function load(
  devices: readonly LoadDevice[],
  server: { readonly url: string; readonly mqttPort: number },
  log: AckedLog,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(devices.map((device) => drive(device, server, log, signal)));
}

async function drive(
  device: LoadDevice,
  server: { readonly url: string; readonly mqttPort: number },
  log: AckedLog,
  signal: AbortSignal,
): Promise<void> {
  const wire = await open(device, server).catch(() => null);
  if (wire === null) return;
  const again = [...device.unacked];
  let broken = false;

  async function one(seq: number, { at, value }: { at: number; value: number }): Promise<void> {
    device.unacked.set(seq, { at, value });
    try {
      await wire?.send({ stream: STREAM, seq, at, values: { value, double: value * 2 } });
      device.unacked.delete(seq);
      log.add({ deviceId: device.deviceId, stream: STREAM, seq, at, value });
    } catch {
      // the server is gone, or it refused: the message is kept and sent again
      broken = true;
    }
  }

  async function lane(): Promise<void> {
    while (!broken && !signal.aborted) {
      const old = again.shift();
      if (old !== undefined) await one(...old);
      else await one(device.seq++, { at: Date.now(), value: Math.round(Math.random() * 1e9) / 1e3 });
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  wire.close();
}

async function open(
  { token, wire }: LoadDevice,
  server: { readonly url: string; readonly mqttPort: number },
): Promise<{ readonly send: Send; close(): void }> {
  switch (wire) {
    case 'mqtt': {
      const client = await connectLightMqtt({
        host: '127.0.0.1',
        port: server.mqttPort,
        username: 'x',
        password: token,
      });
      return {
        send: async (message) => void (await client.publish('devices/me/telemetry', JSON.stringify(message), 1)),
        close: () => client.drop(),
      };
    }
    case 'http':
      return {
        async send(message) {
          const reply = await fetch(`${server.url}/device/v1/telemetry`, {
            method: 'POST',
            headers: { authorization: `Bearer ${token}` },
            body: JSON.stringify(message),
          });
          if (reply.status !== 204) throw new TypeError(`not stored: ${reply.status}`);
        },
        close: () => undefined,
      };
    case 'socket':
      return openSocket(server.url, token);
  }
}

async function openSocket(url: string, token: string): Promise<{ readonly send: Send; close(): void }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
  });
  const waiting = new Map<number, { resolve(): void; reject(error: unknown): void }>();
  let lastId = 0;
  const fail = (error: unknown): void => {
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve());
    socket.once('error', reject);
  });
  socket.on('error', fail);
  socket.on('close', () => fail(new TypeError('closed')));
  socket.on('message', (data) => {
    const { type, id } = JSON.parse(String(data)) as { type: string; id: number };
    const one = waiting.get(id);
    waiting.delete(id);
    if (type === 'ack') one?.resolve();
    else one?.reject(new TypeError('refused'));
  });
  return {
    send(message) {
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) return reject(new TypeError('closed'));
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ type: 'telemetry', id, ...message }));
      });
    },
    close: () => socket.terminate(),
  };
}
