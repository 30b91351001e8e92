import type { Socket } from 'node:net';
import { ERROR_CODES, type ErrorCode } from '@muster/contract';
import { generate, type IConnectPacket, type Packet } from 'mqtt-packet';
import { type ClientRate, type ClientRates, UNLIMITED } from '../../../platform/client-rate.ts';
import type { Clock } from '../../../platform/clock.ts';
import type { Logger } from '../../../platform/log.ts';
import { type ClientCertificate, certificateOf } from '../../../platform/tls/client-certificate.ts';
import { MQTT_LIMITS, type MqttConfig } from '../config.ts';
import type { MqttCounters } from '../counters.ts';
import type { MqttClient, MqttIdentity, MqttSendOptions, MqttVersion } from '../inbox.ts';
import type { MessageProperties, OutgoingMessage } from '../messages.ts';
import type { Session, SessionConnection } from '../session.ts';
import { matches, ownTopic, THINGSBOARD } from '../topics.ts';
import { decodePacket, decodePublish, type IncomingPublish, isPublish } from './decode.ts';
import { encodeAck, encodePublish } from './outgoing.ts';
import { createPacketReader } from './packet-reader.ts';
import { closeReason, REASON } from './reasons.ts';

/** Largest packet that is taken, bytes. */
export function packetBytes(messageBytes: number): number {
  return messageBytes + MQTT_LIMITS.headBytes;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly config: MqttConfig;
  readonly counters: MqttCounters;
  readonly rates: ClientRates;
  readonly packetBytes: number;
  /** A CONNECT came; what follows it waits until `accept` or `close` is called. */
  readonly onConnect: (connection: Connection, packet: IConnectPacket) => void;
  readonly onPublish: (connection: Connection, publish: IncomingPublish, topic: Buffer | string) => void;
  readonly onPacket: (connection: Connection, packet: Packet) => void;
  /** Once. `code` is null when the client ended it; `orderly`: it said DISCONNECT, so its will is void. */
  readonly onEnd: (connection: Connection, code: ErrorCode | null, orderly: boolean) => void;
}

/** One TCP connection that speaks MQTT: bytes to packets and back. It knows nothing of topics and who may see them. */
export interface Connection extends MqttClient, SessionConnection {
  readonly session: Session;
  /** Monotonic ms of the last packet; the keep-alive is looked at from outside. */
  readonly lastSeen: number;
  readonly keepAliveMs: number;
  readonly rate: ClientRate;
  /** What the client showed in the TLS handshake; not kept. */
  certificate(): ClientCertificate | null;
  /** The client is who it says: answers CONNACK and goes on with what waited. */
  accept(identity: MqttIdentity, session: Session, sessionPresent: boolean, connect: IConnectPacket): void;
  /** Refuses a CONNECT with a return code of its version. */
  refuse(version: MqttVersion, returnCode: number, code: ErrorCode): void;
  write(bytes: Buffer): void;
  writePacket(packet: Packet): void;
  /** Ends it with a reason of MQTT 5. */
  disconnect(reason: number, code: ErrorCode): void;
  /** Stops reading the socket; as many `resume` as `pause`. */
  pause(): void;
  resume(): void;
  /** The client said DISCONNECT: the will is void. */
  hangUp(orderly: boolean): void;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Most connections have nothing to hold most of the time. */
const NO_PACKETS: Buffer[] = [];

/** Bytes of packets that follow a CONNECT before it is answered. */
const MOST_EARLY = 131_072;

export function createConnection(deps: ConnectionDeps, socket: Socket): Connection {
  const { clock, counters } = deps;
  const reader = createPacketReader(deps.packetBytes);
  const address = plain(socket.remoteAddress);
  const localAddress = plain(socket.localAddress);
  let phase: 'greeting' | 'waiting' | 'open' | 'over' = 'greeting';
  let version: MqttVersion = 4;
  let session: Session | null = null;
  let largest = 268_435_455;
  /** MQTT 5, 3.1.2.11.7: a client may want no reason strings with its acknowledgements. */
  let wantsSentences = true;
  let pauses = 0;
  let early: Buffer[] = NO_PACKETS;
  let earlyBytes = 0;
  /** Aliases that the client set, and those that we did; both only in MQTT 5. */
  let aliasesIn: Map<number, string> | null = null;
  let aliasesOut: Map<string, number> | null = null;
  let aliasesOutMaximum = 0;
  let out: Buffer[] = NO_PACKETS;
  let flushing = false;
  let cancelGreeting = clock.after(MQTT_LIMITS.connectMs, () => end('HELLO_TIMEOUT', false));

  function take(packet: Buffer, bodyAt: number): boolean {
    if (phase === 'over') return false;
    if (phase === 'waiting') {
      if (early === NO_PACKETS) early = [];
      early.push(Buffer.from(packet));
      earlyBytes += packet.length;
      if (earlyBytes > MOST_EARLY) end('FRAME_TOO_LARGE', false);
      return !isOver();
    }
    if (phase === 'greeting') return greet(packet);
    if (isPublish(packet)) {
      const found = decodePublish(packet, bodyAt, version);
      if (found === null) malformed();
      else receivePublish(found);
    } else {
      const found = decodePacket(packet, version);
      if (found === null || found.cmd === 'connect') malformed();
      else deps.onPacket(self, found);
    }
    return !isOver();
  }

  function greet(packet: Buffer): boolean {
    const found = decodePacket(packet, 4);
    if (isOtherVersion(packet)) {
      // a return code of MQTT 3.1.1, which a client of any version reads as "no"
      self.refuse(4, 1, 'FRAME_MALFORMED');
      return false;
    }
    if (found?.cmd !== 'connect') {
      end('FRAME_MALFORMED', false);
      return false;
    }
    version = self.version = found.protocolVersion ?? 4;
    phase = 'waiting';
    self.pause();
    deps.onConnect(self, found);
    return !isOver();
  }

  function receivePublish(publish: IncomingPublish): void {
    const alias = publish.properties?.topicAlias;
    if (alias === undefined) {
      if (publish.topic.length === 0) malformed();
      else deps.onPublish(self, publish, publish.topic);
      return;
    }
    if (alias < 1 || alias > MQTT_LIMITS.topicAliases) {
      disconnect(REASON.topicAlias, 'FRAME_MALFORMED');
      return;
    }
    aliasesIn ??= new Map();
    if (publish.topic.length > 0) aliasesIn.set(alias, publish.topic.toString('utf8'));
    const topic = aliasesIn.get(alias);
    if (topic === undefined) disconnect(REASON.protocolError, 'FRAME_MALFORMED');
    else deps.onPublish(self, publish, publish.topic.length > 0 ? publish.topic : topic);
  }

  function malformed(): void {
    disconnect(REASON.malformed, 'FRAME_MALFORMED');
  }

  function disconnect(reasonCode: number, code: ErrorCode): void {
    if (phase === 'open' && version === 5) {
      self.writePacket({ cmd: 'disconnect', reasonCode, properties: { reasonString: ERROR_CODES[code].meaning } });
    }
    end(code, false);
  }

  function isOver(): boolean {
    return phase === 'over';
  }

  function flush(): void {
    flushing = false;
    if (out.length === 0 || socket.destroyed) return;
    const bytes = out.length === 1 ? out[0] : Buffer.concat(out);
    out = NO_PACKETS;
    if (bytes !== undefined) socket.write(bytes);
  }

  function end(code: ErrorCode | null, orderly: boolean): void {
    if (phase === 'over') return;
    phase = 'over';
    self.isOpen = false;
    cancelGreeting();
    early = NO_PACKETS;
    flush();
    socket.end();
    // a client that does not close its side in a second is not waited for
    const cancel = clock.after(1_000, () => socket.destroy());
    socket.once('close', cancel);
    deps.onEnd(self, code, orderly);
  }

  const self: Mutable<Connection> = {
    // plain members: ten getters of each connection would cost as much as its socket. Null until it is accepted
    session: null as unknown as Session,
    identity: null as unknown as MqttIdentity,
    clientId: '',
    version,
    receiveMaximum: 65_535,
    isOpen: false,
    lastSeen: clock.monotonic(),
    keepAliveMs: 0,
    // nothing is counted before it is known whose it is
    rate: UNLIMITED,
    address,
    localAddress,
    certificate: () => certificateOf(socket),
    accept(known, owner, sessionPresent, connect) {
      if (phase !== 'waiting') return;
      cancelGreeting();
      cancelGreeting = nothing;
      session = self.session = owner;
      self.clientId = owner.clientId;
      self.identity = known;
      self.rate = deps.rates.of(known.kind === 'device' ? known.device.deviceId : known.keyId);
      phase = 'open';
      self.isOpen = true;
      const asked = connect.keepalive ?? 0;
      const seconds = asked === 0 ? MQTT_LIMITS.keepAliveSeconds : Math.min(asked, MQTT_LIMITS.keepAliveSeconds);
      self.keepAliveMs = seconds * 1_500;
      self.receiveMaximum = connect.properties?.receiveMaximum ?? 65_535;
      largest = connect.properties?.maximumPacketSize ?? largest;
      wantsSentences = connect.properties?.requestProblemInformation !== false;
      aliasesOutMaximum = Math.min(connect.properties?.topicAliasMaximum ?? 0, MQTT_LIMITS.topicAliases);
      self.writePacket({
        cmd: 'connack',
        sessionPresent,
        ...(version === 5
          ? { reasonCode: 0, properties: ourLimits(seconds, asked, deps.packetBytes, connect, owner) }
          : { returnCode: 0 }),
      } as Packet);
    },
    refuse(of, returnCode, code) {
      version = self.version = of;
      const { meaning } = ERROR_CODES[code];
      const result = of === 5 ? { reasonCode: returnCode, properties: { reasonString: meaning } } : { returnCode };
      self.writePacket({ cmd: 'connack', sessionPresent: false, ...result } as Packet);
      end(code, true);
    },
    write(bytes) {
      if (socket.destroyed) return;
      if (out === NO_PACKETS) out = [bytes];
      else out.push(bytes);
      if (flushing) return;
      flushing = true;
      setImmediate(flush);
    },
    writePacket(packet) {
      self.write(generate(packet, { protocolVersion: version }));
    },
    ack(command, messageId, reason, say) {
      if (say === undefined || version !== 5 || !wantsSentences) {
        self.write(encodeAck(command, version, messageId, reason));
        return;
      }
      self.writePacket({ cmd: command, messageId, reasonCode: reason, properties: { reasonString: say } } as Packet);
    },
    publish(message, messageId, dup, remainingMs) {
      let { topic } = message;
      let newAlias = 0;
      let properties = version === 5 ? outgoingProperties(message, remainingMs) : null;
      if (aliasesOutMaximum > 0) {
        aliasesOut ??= new Map();
        const known = aliasesOut.get(topic);
        if (known !== undefined) {
          properties = { ...properties, topicAlias: known };
          topic = '';
        } else if (aliasesOut.size < aliasesOutMaximum) {
          newAlias = aliasesOut.size + 1;
          properties = { ...properties, topicAlias: newAlias };
        }
      }
      const packet = encodePublish(version, { ...message, topic }, messageId, dup, properties);
      if (packet.length > largest) return false;
      if (newAlias > 0) aliasesOut?.set(topic, newAlias);
      counters.messageOut(message.payload.length);
      self.write(packet);
      return true;
    },
    pause() {
      pauses += 1;
      if (pauses === 1) socket.pause();
    },
    resume() {
      pauses -= 1;
      if (pauses > 0 || phase === 'over') return;
      for (let next = early.shift(); next !== undefined; next = early.shift()) {
        if (!take(next, bodyOf(next)) || pauses > 0) return;
      }
      earlyBytes = 0;
      socket.resume();
    },
    hangUp: (orderly) => end(null, orderly),
    subscribed(topic) {
      if (session === null) return false;
      if (session.owner.kind === 'operator') {
        return [...session.subscriptions.keys()].some((filter) => matches(filter, topic));
      }
      const { deviceId } = session.owner;
      const rest = ownTopic(topic, deviceId)?.rest;
      if (rest === undefined) return false;
      for (const filter of session.subscriptions.keys()) {
        const own = ownTopic(filter, deviceId);
        // `devices/me/#` is not ThingsBoard's tree
        const sameTree = own?.rest.startsWith(THINGSBOARD) === rest.startsWith(THINGSBOARD);
        if (own !== null && sameTree && matches(own.rest, rest)) return true;
      }
      return false;
    },
    send(topic, payload, options: MqttSendOptions = {}) {
      if (phase !== 'open') return false;
      if (self.waitingBytes() > MQTT_LIMITS.waitingBytes) {
        // a command or a delta left out in silence would never come: what it missed comes when it connects again
        counters.dropped('slow');
        self.close('DEVICE_SLOW');
        return false;
      }
      const { responseTopic, correlationData } = options;
      const properties =
        version !== 5 || responseTopic === undefined
          ? null
          : { responseTopic, ...(correlationData === undefined ? {} : { correlationData }) };
      const message = { topic, payload: Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength) };
      const packet = encodePublish(version, { ...message, qos: 0, retain: false }, 0, false, properties);
      if (packet.length > largest) return false;
      counters.messageOut(payload.byteLength);
      self.write(packet);
      return true;
    },
    waitingBytes: () => socket.writableLength,
    spend: (messages) => self.rate.spend(messages),
    disconnect,
    close: (code) => disconnect(closeReason(code), code),
  };

  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    self.lastSeen = clock.monotonic();
    let result: ReturnType<typeof reader.push>;
    try {
      result = reader.push(chunk, take);
    } catch (error) {
      // a fault of ours ends one connection, not the process that all the others are on
      deps.log.error({ err: error }, 'a packet of a client could not be dealt with');
      return disconnect(REASON.unspecified, 'INTERNAL');
    }
    if (result === 'malformed') malformed();
    else if (result === 'too-large') disconnect(REASON.tooLarge, 'FRAME_TOO_LARGE');
  });
  socket.on('error', (error) => deps.log.debug({ err: error }, 'an MQTT connection broke'));
  socket.on('close', () => end(null, false));
  return self;
}

function ourLimits(seconds: number, asked: number, largest: number, connect: IConnectPacket, session: Session) {
  return {
    receiveMaximum: MQTT_LIMITS.inflight,
    topicAliasMaximum: MQTT_LIMITS.topicAliases,
    maximumPacketSize: largest,
    sharedSubscriptionAvailable: false,
    sessionExpiryInterval: Math.round(session.keepMs / 1_000),
    ...(seconds === asked ? {} : { serverKeepAlive: seconds }),
    ...(connect.clientId === '' ? { assignedClientIdentifier: session.clientId } : {}),
  };
}

function outgoingProperties(message: OutgoingMessage, remainingMs: number | null): MessageProperties | null {
  const { properties, subscriptionIds } = message;
  if (properties === null && subscriptionIds.length === 0 && remainingMs === null) return null;
  return {
    ...properties,
    ...(subscriptionIds.length === 0 ? {} : { subscriptionIdentifier: [...subscriptionIds] }),
    ...(remainingMs === null ? {} : { messageExpiryInterval: Math.max(1, Math.ceil(remainingMs / 1_000)) }),
  };
}

/** Where the variable header of a whole packet begins. */
function bodyOf(packet: Buffer): number {
  let at = 1;
  while (((packet[at] ?? 0) & 0x80) !== 0) at += 1;
  return at + 1;
}

/** A CONNECT of MQTT in a version that we do not speak (3.1.1, section 3.1.2.2). */
function isOtherVersion(packet: Buffer): boolean {
  const at = bodyOf(packet);
  if (packet[0] !== 0x10 || packet.toString('latin1', at, at + 6) !== '\u0000\u0004MQTT') return false;
  const level = packet[at + 6] ?? 0;
  // the first bit marks a bridge
  return level !== 4 && level !== 5 && level !== 0x84;
}

function nothing(): void {
  // there is nothing to cancel any more
}

function plain(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:/, '');
}
