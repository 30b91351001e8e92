import { type Packet, type Parser, parser } from 'mqtt-packet';
import type { MqttVersion } from '../inbox.ts';
import type { MessageProperties } from '../messages.ts';

/** A PUBLISH as it came. `properties` is null when there are none: always in 3.1.1. */
export interface IncomingPublish {
  /** Topic bytes; empty when an alias stands for it. */
  readonly topic: Buffer;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  /** 0 at QoS 0. */
  readonly messageId: number;
  readonly properties: MessageProperties | null;
  /** A view into the packet. */
  readonly payload: Buffer;
}

const PUBLISH = 3;

/** Whether the packet is a PUBLISH: the one that has to be quick. */
export function isPublish(packet: Buffer): boolean {
  return (packet[0] ?? 0) >> 4 === PUBLISH;
}

/**
 * Reads a PUBLISH without copying anything; null when it is malformed. Properties are left to mqtt-packet: most
 * messages have none.
 */
export function decodePublish(packet: Buffer, bodyAt: number, version: MqttVersion): IncomingPublish | null {
  const flags = packet[0] ?? 0;
  const qos = (flags >> 1) & 3;
  if (qos === 3 || packet.length < bodyAt + 2) return null;
  const topicEnd = bodyAt + 2 + packet.readUInt16BE(bodyAt);
  const idBytes = qos === 0 ? 0 : 2;
  let at = topicEnd + idBytes;
  if (at > packet.length) return null;
  const messageId = qos === 0 ? 0 : packet.readUInt16BE(topicEnd);
  if (qos > 0 && messageId === 0) return null;
  let properties: MessageProperties | null = null;
  if (version === 5) {
    if (at >= packet.length) return null;
    if (packet[at] === 0) at += 1;
    else {
      const decoded = decodePacket(packet, 5);
      if (decoded?.cmd !== 'publish') return null;
      properties = decoded.properties ?? {};
      // the length of properties is a variable byte integer, at most four bytes
      let length = 0;
      let shift = 0;
      let byte = 0x80;
      while ((byte & 0x80) !== 0 && shift < 28) {
        byte = packet[at] ?? 0;
        length += (byte & 0x7f) << shift;
        shift += 7;
        at += 1;
      }
      at += length;
      if (at > packet.length) return null;
    }
  }
  return {
    topic: packet.subarray(bodyAt + 2, topicEnd),
    qos: qos as 0 | 1 | 2,
    retain: (flags & 1) === 1,
    messageId,
    properties,
    payload: packet.subarray(at),
  };
}

/** One parser for each version: whole packets go in, so it holds nothing between two of them. */
const decoders = new Map<MqttVersion, (packet: Buffer) => Packet | null>();

/** Packets with a packet id, which is never 0 (MQTT 5, 2.2.1); the parser reads -1 where there is none. */
const WITH_ID: ReadonlySet<Packet['cmd']> = new Set([
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'unsubscribe',
]);

/** Reads any whole packet; null when it is malformed. */
export function decodePacket(packet: Buffer, version: MqttVersion): Packet | null {
  let decode = decoders.get(version);
  if (decode === undefined) {
    decode = createDecoder(version);
    decoders.set(version, decode);
  }
  return decode(packet);
}

function createDecoder(protocolVersion: MqttVersion): (packet: Buffer) => Packet | null {
  let found: Packet | null = null;
  let failed = false;
  let current: Parser;
  const renew = (): void => {
    current = parser({ protocolVersion });
    current.on('packet', (packet: Packet) => {
      found = packet;
    });
    current.on('error', () => {
      failed = true;
    });
  };
  renew();
  return (packet) => {
    found = null;
    failed = false;
    let left = 0;
    try {
      left = current.parse(packet);
    } catch {
      // the parser throws on some lengths that lie; its state is unknown then
      failed = true;
    }
    if (failed || left > 0 || found === null) {
      renew();
      return null;
    }
    const { cmd, messageId = 0 } = found as Packet;
    if (hasTwice(found) || hasNul(found)) return null;
    return WITH_ID.has(cmd) && messageId < 1 ? null : found;
  };
}

/** Properties that may come more than once; every other twice is a protocol error (MQTT 5, 2.2.2.2). */
const OFTEN: ReadonlySet<string> = new Set(['userProperties', 'subscriptionIdentifier']);

/** A text may not hold NUL (MQTT 5, 1.5.4), and the database takes none: one would fail a batch of messages of others. */
function hasNul(packet: Packet): boolean {
  const { properties } = packet as { readonly properties?: object };
  const will = packet.cmd === 'connect' ? packet.will?.properties : undefined;
  return [properties, will].some((some) => some !== undefined && textsOf(some).some((text) => text.includes('\0')));
}

/** Names and values of user properties are texts too. */
function textsOf(properties: object): string[] {
  return Object.entries(properties).flatMap(([name, value]) => {
    if (typeof value === 'string') return [value];
    return name === 'userProperties' ? [...Object.keys(value), ...Object.values(value).flat()].map(String) : [];
  });
}

/** The parser makes a list of a property that came twice. */
function hasTwice(packet: Packet): boolean {
  const { properties } = packet as { readonly properties?: object };
  const will = packet.cmd === 'connect' ? packet.will?.properties : undefined;
  return [properties, will].some(
    (some) =>
      some !== undefined && Object.entries(some).some(([name, value]) => Array.isArray(value) && !OFTEN.has(name)),
  );
}
