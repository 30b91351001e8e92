import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { MusterError, readUdpHeader, udpNonce } from '@muster/contract';
import type { Counter } from 'prom-client';
import type { Logger } from '../../../platform/log.ts';
import { openSound, sealSound } from './sound-cipher.ts';

/** Packets kept for a device whose port is not known yet: it sends first, within one of its own frames as a rule. */
const MOST_EARLY = 16;

/** The way of sound of one conversation. */
export interface SoundPath {
  /** 32 hex digits each, for our hello. */
  readonly key: string;
  readonly nonce: string;
  /** Sends one Opus packet; bytes of the datagram. A packet before the device has sent one waits, the oldest go. */
  send(packet: Uint8Array): number;
  close(): void;
}

/** Sound of all conversations that use MQTT, over one UDP port. */
export interface SoundServer {
  readonly port: number;
  /**
   * `address` is where the device's MQTT connection comes from: datagrams from elsewhere are dropped, because the
   * protocol gives them no signature.
   */
  open(address: string, onPacket: (packet: Uint8Array) => void): SoundPath;
  close(): Promise<void>;
}

/** Throws PORT_IN_USE. `dropped` is labelled with `reason`: malformed, stranger, foreign, old. */
export async function listenForSound(deps: {
  readonly host: string;
  readonly port: number;
  readonly log: Logger;
  readonly dropped: Counter;
}): Promise<SoundServer> {
  const { host, log, dropped } = deps;
  const socket = createSocket({ type: isIPv6(host) ? 'udp6' : 'udp4' });
  const paths = new Map<number, Path>();
  socket.on('message', (datagram, from) => {
    const header = readUdpHeader(datagram);
    if (header === null) return void dropped.inc({ reason: 'malformed' });
    const path = paths.get(header.ssrc);
    if (path === undefined) return void dropped.inc({ reason: 'stranger' });
    if (plainAddress(from.address) !== path.address) return void dropped.inc({ reason: 'foreign' });
    // late and repeated ones: the device itself drops them the same way
    if (header.sequence <= path.heard) return void dropped.inc({ reason: 'old' });
    path.heard = header.sequence;
    path.found(from);
    path.onPacket(openSound(path.key, datagram));
  });
  await bind(socket, host, deps.port);
  socket.on('error', (error) => log.warn({ err: error }, 'the sound port failed'));

  return {
    port: socket.address().port,
    open(address, onPacket) {
      let ssrc = 0;
      do ssrc = randomBytes(4).readUInt32BE();
      while (paths.has(ssrc));
      const path = createPath(socket, ssrc, plainAddress(address), onPacket);
      paths.set(ssrc, path);
      return {
        key: path.key.toString('hex'),
        nonce: Buffer.from(path.nonce).toString('hex'),
        send: path.send,
        close: () => void paths.delete(ssrc),
      };
    },
    async close() {
      paths.clear();
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}

interface Path {
  readonly key: Buffer;
  readonly nonce: Uint8Array;
  readonly address: string;
  readonly onPacket: (packet: Uint8Array) => void;
  /** The last sequence number from the device. */
  heard: number;
  /** Where the device sends from now: routers change the port. */
  found(from: RemoteInfo): void;
  send(packet: Uint8Array): number;
}

function createPath(socket: Socket, ssrc: number, address: string, onPacket: Path['onPacket']): Path {
  const key = randomBytes(16);
  const nonce = udpNonce(ssrc);
  const early: Buffer[] = [];
  let to: { readonly port: number; readonly address: string } | null = null;
  let sent = 0;
  return {
    key,
    nonce,
    address,
    onPacket,
    heard: 0,
    found(from) {
      to = from;
      for (const datagram of early.splice(0)) socket.send(datagram, from.port, from.address);
    },
    send(packet) {
      sent += 1;
      const datagram = sealSound(key, nonce, sent, packet);
      if (to !== null) {
        socket.send(datagram, to.port, to.address);
      } else {
        early.push(datagram);
        if (early.length > MOST_EARLY) early.shift();
      }
      return datagram.byteLength;
    },
  };
}

async function bind(socket: Socket, host: string, port: number): Promise<void> {
  try {
    const bound = once(socket, 'listening');
    socket.bind(port, host);
    await bound;
  } catch (cause) {
    const say = `Cannot listen for sound on UDP ${host}:${port}. Stop the other program, or set xiaozhi.udpPort to another number.`;
    throw new MusterError('PORT_IN_USE', { host, port }, { cause, say });
  }
}

/** An IPv4 address that came over an IPv6 socket, as IPv4. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address;
}
