import { type ErrorReply, MusterError } from '@muster/contract';
import { connectLightMqtt } from '@muster/testkit';
import { WebSocket } from 'ws';

/** How one simulated device speaks. */
export type WireKind = 'mqtt' | 'http' | 'socket';
export type MessageKind = 'telemetry' | 'event';

/** Where it finds the server. */
export interface ServerPlace {
  readonly url: string;
  readonly mqttPort: number;
}

export interface Wire {
  /**
   * Resolves when the server says that the message is stored. Rejects with a {@link Refusal} when it says that it is
   * not, and with anything else when nothing was heard.
   */
  send(kind: MessageKind, message: object): Promise<void>;
  close(): void;
}

/** The server answered, and did not take it. `code` is the one of the table; over MQTT the number of the reason. */
export class Refusal extends MusterError {
  readonly refusal: string;
  constructor(refusal: string) {
    super('DEVICE_ERROR', { refusal });
    this.refusal = refusal;
  }
}

/** An answer that does not come in this time will not come, ms. */
const ANSWER_MS = 15_000;

const TOPICS = { telemetry: 'devices/me/telemetry', event: 'devices/me/events' } as const;
const PATHS = { telemetry: '/device/v1/telemetry', event: '/device/v1/events' } as const;

export function openWire(kind: WireKind, token: string, server: ServerPlace, version: 4 | 5 = 4): Promise<Wire> {
  if (kind === 'mqtt') return openMqtt(token, server, version);
  return kind === 'http' ? Promise.resolve(openHttp(token, server)) : openSocket(token, server);
}

async function openMqtt(token: string, { mqttPort }: ServerPlace, version: 4 | 5): Promise<Wire> {
  const client = await connectLightMqtt({ host: '127.0.0.1', port: mqttPort, username: 'x', password: token, version });
  return {
    async send(kind, message) {
      const reason = await client.publish(TOPICS[kind], JSON.stringify(message), 1);
      if (reason >= 0x80) throw new Refusal(`0x${reason.toString(16)}`);
    },
    close: () => client.drop(),
  };
}

function openHttp(token: string, { url }: ServerPlace): Wire {
  return {
    async send(kind, message) {
      const reply = await fetch(url + PATHS[kind], {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify(message),
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (reply.status === 204) return;
      throw new Refusal(((await reply.json()) as ErrorReply).error.code);
    },
    close: () => undefined,
  };
}

async function openSocket(token: string, { url }: ServerPlace): Promise<Wire> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/device/v1/socket`, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    handshakeTimeout: ANSWER_MS,
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
  socket.on('close', () => fail(new MusterError('SERVER_UNREACHABLE')));
  socket.on('message', (data) => {
    const { type, id, code } = JSON.parse(String(data)) as { type: string; id: number; code?: string };
    const one = waiting.get(id);
    waiting.delete(id);
    if (type === 'ack') one?.resolve();
    else one?.reject(new Refusal(code ?? type));
  });
  return {
    send(kind, message) {
      lastId += 1;
      const id = lastId;
      return new Promise((resolve, reject) => {
        if (socket.readyState !== WebSocket.OPEN) return reject(new MusterError('SERVER_UNREACHABLE'));
        waiting.set(id, { resolve, reject });
        socket.send(JSON.stringify({ type: kind, id, ...message }));
      });
    },
    close: () => socket.terminate(),
  };
}
