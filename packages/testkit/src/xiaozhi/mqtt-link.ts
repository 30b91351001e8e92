import { createCipheriv, createDecipheriv } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { MusterError, type OtaReply, readUdpHeader, UDP_HEADER_BYTES, writeUdpHeader } from '@muster/contract';
import { connectLightMqtt, type LightMqtt } from '../mqtt/client.ts';
import {
  type Connection,
  type ConnectionEvents,
  deviceHello,
  HELLO_MS,
  type Message,
  readHello,
  readMessage,
} from './connection.ts';
import type { XiaozhiDeviceOptions } from './options.ts';

export type MqttSettings = NonNullable<OtaReply['mqtt']>;

/** The firmware's MQTT connection: kept while the device is on, with conversations on it one after the other. */
export interface MqttLink {
  readonly isOpen: boolean;
  /** Says hello, and opens the way of sound that the answer names. SERVER_UNREACHABLE. */
  openChannel(events: ConnectionEvents): Promise<Connection>;
  /** Drops TCP, as a device does that lost its power. */
  drop(): void;
}

/** A conversation that is open on the link. */
interface Channel {
  readonly sessionId: string;
  readonly end: (reason: string) => void;
}

/**
 * Connects as xiaozhi-esp32 2.4.2 does: 3.1.1, QoS 0, no subscription. `idle` gets what the server says while there is
 * no conversation. DEVICE_TOKEN_INVALID, SERVER_UNREACHABLE.
 */
export async function connectMqttLink(
  options: XiaozhiDeviceOptions,
  settings: MqttSettings,
  idle: (message: Message, at: number) => void,
): Promise<MqttLink> {
  const [host = '', port = '8883'] = settings.endpoint.split(':');
  let listener: ((message: Message, at: number) => void) | null = null;
  let channel: Channel | null = null;
  const mqtt: LightMqtt = await connectLightMqtt({
    host,
    port: Number(port),
    username: settings.username,
    password: settings.password,
    clientId: settings.client_id,
    keepAlive: settings.keepalive,
    onMessage(_topic, payload) {
      const at = performance.now();
      const message = readMessage(payload);
      if (message === null) return;
      if (message.type === 'goodbye' && message.session_id === channel?.sessionId)
        channel?.end('goodbye of the server');
      else (listener ?? idle)(message, at);
    },
    onClose: () => channel?.end('the MQTT connection ended'),
  });
  const say = (message: object | string): void =>
    void mqtt.publish(settings.publish_topic, typeof message === 'string' ? message : JSON.stringify(message), 0);

  return {
    get isOpen() {
      return mqtt.open;
    },
    drop: () => mqtt.drop(),
    async openChannel(events) {
      const startedAt = performance.now();
      const greeting = Promise.withResolvers<Message>();
      const timer = setTimeout(
        () => greeting.reject(new MusterError('SERVER_UNREACHABLE', { stage: 'hello' })),
        HELLO_MS,
      );
      listener = (message) => {
        if (message.type === 'hello') greeting.resolve(message);
      };
      let sound: SoundWire;
      let hello: Message;
      try {
        say({ ...deviceHello(options, 1), version: 3, transport: 'udp' });
        hello = await greeting.promise;
        sound = await openSound(hello.udp, events);
      } catch (error) {
        listener = null;
        throw error;
      } finally {
        clearTimeout(timer);
      }
      const found = readHello(hello, performance.now() - startedAt);
      listener = events.message;
      let open = true;
      const end = (reason: string): void => {
        if (!open) return;
        open = false;
        listener = null;
        channel = null;
        sound.close();
        events.closed({ code: 1005, reason, at: performance.now() });
      };
      channel = { sessionId: found.sessionId, end };
      events.message(hello, performance.now());
      return {
        hello: found,
        isOpen: () => open,
        send: say,
        sendRaw: (bytes) => void mqtt.publish(settings.publish_topic, Buffer.from(bytes), 0),
        sendAudio: sound.send,
        drop() {
          if (open) say({ session_id: found.sessionId, type: 'goodbye' });
          end('goodbye of the device');
        },
      };
    },
  };
}

interface SoundWire {
  send(packet: Uint8Array): void;
  close(): void;
}

/** AES-128-CTR, the header as its counter; sequence numbers from 1, older ones than the last are dropped. */
async function openSound(udp: unknown, events: ConnectionEvents): Promise<SoundWire> {
  const { server, port, key, nonce } = readUdp(udp);
  const socket: Socket = createSocket('udp4');
  socket.bind(0);
  await once(socket, 'listening');
  let sent = 0;
  let heard = 0;
  socket.on('message', (datagram) => {
    const at = performance.now();
    const header = readUdpHeader(datagram);
    if (header === null) return events.malformed();
    if (header.sequence <= heard) return;
    heard = header.sequence;
    const counter = datagram.subarray(0, UDP_HEADER_BYTES);
    events.audio(createDecipheriv('aes-128-ctr', key, counter).update(datagram.subarray(UDP_HEADER_BYTES)), at);
  });
  // a server that is gone shows in what does not come
  socket.on('error', () => socket.close());
  return {
    send(packet) {
      sent += 1;
      const header = writeUdpHeader(nonce, packet.byteLength, 0, sent);
      const sealed = createCipheriv('aes-128-ctr', key, header).update(packet);
      socket.send(Buffer.concat([header, sealed]), port, server);
    },
    close: () => socket.close(),
  };
}

/** Key and nonce must each have 16 bytes, and the port must be one: the firmware gives up otherwise. */
function readUdp(value: unknown): { server: string; port: number; key: Buffer; nonce: Buffer } {
  const { server, port, key, nonce } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const bytes = (hex: unknown): Buffer => Buffer.from(typeof hex === 'string' ? hex : '', 'hex');
  const found = { server: String(server), port: Number(port), key: bytes(key), nonce: bytes(nonce) };
  const fits = found.key.length === 16 && found.nonce.length === 16 && found.nonce[0] === 1 && found.port > 0;
  if (!fits) throw new MusterError('SERVER_UNREACHABLE', { why: 'the hello names no way for sound' });
  return found;
}
