import { connect as connectTcp, type Socket } from 'node:net';
import { codeOf, MusterError } from '@muster/contract';
import { generate, type IConnackPacket, type IPublishPacket, type Packet, parser } from 'mqtt-packet';

export interface LightMqttOptions {
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
  readonly clientId?: string;
  /** Default 4: MQTT 3.1.1. */
  readonly version?: 4 | 5;
  /** s; default 60. A ping is sent at half of it; when nothing was heard since the last one the server is gone. */
  readonly keepAlive?: number;
  readonly clean?: boolean;
  /** Runs a task after a time, ms; the function given back cancels it. Default: a timer of Node for each. */
  readonly after?: (ms: number, task: () => void) => () => void;
  readonly will?: { readonly topic: string; readonly payload: string; readonly qos: 0 | 1 };
  readonly onMessage?: (topic: string, payload: Buffer, packet: IPublishPacket) => void;
  /** The connection is gone; what was not acknowledged was rejected before. */
  readonly onClose?: () => void;
}

/** One connection of a simulated device: small, so that one process can hold thousands. It does not come back by itself. */
export interface LightMqtt {
  /** QoS 0: resolves when written. QoS 1: with the reason code of the PUBACK (0 in 3.1.1). Rejects when the connection ends first. */
  publish(topic: string, payload: string | Buffer, qos?: 0 | 1): Promise<number>;
  /** Resolves when all of them are granted; TOPIC_FORBIDDEN when one is not. */
  subscribe(filter: string | readonly string[], qos?: 0 | 1): Promise<void>;
  /** Messages that wait for their PUBACK. */
  waiting(): number;
  readonly open: boolean;
  /** Says DISCONNECT. */
  end(): Promise<void>;
  /** Drops TCP, as a device does that lost its power. */
  drop(): void;
  readonly socket: Socket;
}

const CONNECT_MS = 20_000;

/** Connects; DEVICE_TOKEN_INVALID when refused, SERVER_UNREACHABLE for everything else. */
export async function connectLightMqtt(options: LightMqttOptions): Promise<LightMqtt> {
  const protocolVersion = options.version ?? 4;
  const socket = connectTcp({ host: options.host, port: options.port, noDelay: true });
  const reader = parser({ protocolVersion });
  const connack = Promise.withResolvers<IConnackPacket>();
  const waiting = new Map<number, { resolve(reason: number): void; reject(error: unknown): void }>();
  const after = options.after ?? nodeTimer;
  const pingMs = ((options.keepAlive ?? 60) * 1_000) / 2;
  let lastId = 0;
  let open = false;
  let heard = true;

  const send = (packet: Packet): boolean => socket.write(generate(packet, { protocolVersion }));
  const gone = (cause?: unknown): MusterError =>
    new MusterError('SERVER_UNREACHABLE', { host: options.host, port: options.port }, { cause });

  function nextId(): number {
    do lastId = lastId === 65_535 ? 1 : lastId + 1;
    while (waiting.has(lastId));
    return lastId;
  }

  reader.on('packet', (packet: Packet) => {
    switch (packet.cmd) {
      case 'connack':
        connack.resolve(packet);
        break;
      case 'puback':
        waiting.get(packet.messageId ?? 0)?.resolve(packet.reasonCode ?? 0);
        waiting.delete(packet.messageId ?? 0);
        break;
      case 'suback':
        // the worst of them: above 0x7f it is refused
        waiting.get(packet.messageId ?? 0)?.resolve(Math.max(...packet.granted.map((one) => Number(one))));
        waiting.delete(packet.messageId ?? 0);
        break;
      case 'publish':
        if (packet.qos === 1) send({ cmd: 'puback', messageId: packet.messageId ?? 0 });
        options.onMessage?.(packet.topic, Buffer.from(packet.payload), packet);
        break;
      default:
        break;
    }
  });
  reader.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    heard = true;
    reader.parse(chunk);
  });
  socket.on('error', (cause) => connack.reject(gone(cause)));
  socket.on('close', () => {
    open = false;
    cancelPing();
    connack.reject(gone());
    for (const one of waiting.values()) one.reject(gone());
    waiting.clear();
    options.onClose?.();
  });
  function ping(): void {
    if (!heard) return void socket.destroy();
    heard = false;
    if (open) send({ cmd: 'pingreq' });
    cancelPing = after(pingMs, ping);
  }
  let cancelPing = after(pingMs, ping);
  const cancelConnect = after(CONNECT_MS, () => connack.reject(gone('no CONNACK')));
  send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion,
    clientId: options.clientId ?? '',
    clean: options.clean ?? true,
    keepalive: options.keepAlive ?? 60,
    username: options.username,
    password: Buffer.from(options.password),
    ...(options.will === undefined ? {} : { will: { ...options.will, retain: false } }),
  } as Packet);
  try {
    const { returnCode, reasonCode } = await connack.promise;
    const code = protocolVersion === 5 ? (reasonCode ?? 0) : (returnCode ?? 0);
    if (code === 4 || code === 5 || code === 0x86 || code === 0x87)
      throw new MusterError('DEVICE_TOKEN_INVALID', { code });
    if (code !== 0) throw gone(`CONNACK ${code}`);
  } catch (error) {
    cancelPing();
    socket.destroy();
    throw codeOf(error) === 'INTERNAL' ? gone(error) : error;
  } finally {
    cancelConnect();
  }
  open = true;

  return {
    socket,
    get open() {
      return open;
    },
    waiting: () => waiting.size,
    publish(topic, payload, qos = 1) {
      if (!open) return Promise.reject(gone());
      const bytes = Buffer.from(payload);
      if (qos === 0) {
        send({ cmd: 'publish', topic, payload: bytes, qos: 0, dup: false, retain: false });
        return Promise.resolve(0);
      }
      const messageId = nextId();
      return new Promise((resolve, reject) => {
        waiting.set(messageId, { resolve, reject });
        send({ cmd: 'publish', topic, payload: bytes, qos: 1, dup: false, retain: false, messageId });
      });
    },
    async subscribe(filter, qos = 1) {
      if (!open) throw gone();
      const messageId = nextId();
      const granted = await new Promise<number>((resolve, reject) => {
        waiting.set(messageId, { resolve, reject });
        send({ cmd: 'subscribe', messageId, subscriptions: [filter].flat().map((topic) => ({ topic, qos })) });
      });
      if (granted >= 0x80) throw new MusterError('TOPIC_FORBIDDEN', { filter: String(filter) });
    },
    async end() {
      if (socket.destroyed) return;
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      send({ cmd: 'disconnect' } as Packet);
      socket.end();
      await closed;
    },
    drop: () => socket.destroy(),
  };
}

function nodeTimer(ms: number, task: () => void): () => void {
  const timer = setTimeout(task, ms);
  return () => clearTimeout(timer);
}
