import { once } from 'node:events';
import { connect as connectSocket, type Socket } from 'node:net';
import { bug } from '@muster/contract';
import { generate, type IConnackPacket, type IConnectPacket, type Packet, parser } from 'mqtt-packet';

type PacketOf<C extends Packet['cmd']> = Extract<Packet, { cmd: C }>;

/** A client that says exactly what a test wants it to say. */
export interface RawClient {
  readonly socket: Socket;
  readonly connack: IConnackPacket;
  send(packet: Packet | Buffer): void;
  /** The next packet of this kind; others stay for later. Fails after 3 s, and when the connection ends before. */
  next<C extends Packet['cmd']>(cmd: C): Promise<PacketOf<C>>;
  /** Packets of this kind that came until now and were not taken. */
  seen<C extends Packet['cmd']>(cmd: C): readonly PacketOf<C>[];
  /** When it is back, the broker has dealt with everything that was sent before. */
  ping(): Promise<void>;
  /** When the broker has closed the connection; fails after 3 s. */
  ended(): Promise<void>;
  subscribe(filter: string, qos?: 0 | 1 | 2, more?: object): Promise<number>;
  /** At QoS 1; the reason code of its acknowledgement, 0 in MQTT 3.1.1. */
  publish(topic: string, payload: string, more?: object): Promise<number>;
  /** Says DISCONNECT. */
  leave(): Promise<void>;
  /** Is gone without a word. */
  cut(): Promise<void>;
}

const LIMIT_MS = 3_000;

export async function openRaw(
  port: number,
  connect: Partial<IConnectPacket> & { readonly token?: string; readonly hello?: Buffer },
): Promise<RawClient> {
  const { token, hello, ...more } = connect;
  const protocolVersion = connect.protocolVersion ?? 5;
  const socket = connectSocket({ port, host: '127.0.0.1' });
  const packets: Packet[] = [];
  let woken: () => void = () => undefined;
  let over = false;
  let messageId = 0;
  const decode = parser({ protocolVersion });
  decode.on('packet', (packet: Packet) => {
    packets.push(packet);
    woken();
  });
  socket.on('data', (bytes) => void decode.parse(bytes));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    over = true;
    woken();
  });

  async function until<T>(look: () => T | undefined, what: string): Promise<T> {
    const at = performance.now() + LIMIT_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = at - performance.now();
      if (over || left <= 0) throw bug(`${what}: ${over ? 'the connection ended' : 'it did not come'}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        woken = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  const client = {
    socket,
    connack: null as unknown as IConnackPacket,
    send(packet: Packet | Buffer) {
      socket.write(Buffer.isBuffer(packet) ? packet : generate(packet, { protocolVersion }));
    },
    next<C extends Packet['cmd']>(cmd: C): Promise<PacketOf<C>> {
      return until(() => {
        const at = packets.findIndex((packet) => packet.cmd === cmd);
        return at < 0 ? undefined : (packets.splice(at, 1)[0] as PacketOf<C>);
      }, cmd);
    },
    seen: <C extends Packet['cmd']>(cmd: C) => packets.filter((packet) => packet.cmd === cmd) as PacketOf<C>[],
    async ping() {
      client.send({ cmd: 'pingreq' });
      await client.next('pingresp');
    },
    async ended() {
      if (!over) await once(socket, 'close', { signal: AbortSignal.timeout(LIMIT_MS) });
    },
    async subscribe(filter: string, qos: 0 | 1 | 2 = 0, { properties, ...options }: { properties?: object } = {}) {
      messageId += 1;
      const subscription = { topic: filter, qos, nl: false, rap: false, rh: 0, ...options };
      client.send({
        cmd: 'subscribe',
        messageId,
        subscriptions: [subscription],
        ...(properties === undefined ? {} : { properties }),
      } as Packet);
      const { granted } = await client.next('suback');
      return granted[0] as number;
    },
    async publish(topic: string, payload: string, more: object = {}) {
      messageId += 1;
      const id = messageId;
      client.send({
        cmd: 'publish',
        topic,
        payload,
        qos: 1,
        retain: false,
        dup: false,
        messageId: id,
        ...more,
      } as Packet);
      const ack = await until(() => {
        const at = packets.findIndex((packet) => packet.cmd === 'puback' && packet.messageId === id);
        return at < 0 ? undefined : (packets.splice(at, 1)[0] as PacketOf<'puback'>);
      }, `puback of ${topic}`);
      return (ack.reasonCode as number | undefined) ?? 0;
    },
    async leave() {
      client.send({ cmd: 'disconnect' } as Packet);
      await client.ended();
    },
    async cut() {
      socket.destroy();
      if (!over) await once(socket, 'close');
    },
  };
  if (hello !== undefined) client.send(hello);
  else
    client.send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion,
      clean: true,
      clientId: 'raw',
      keepalive: 60,
      ...(token === undefined ? {} : { username: 'any', password: Buffer.from(token) }),
      ...more,
    } as Packet);
  client.connack = await client.next('connack');
  return client;
}
