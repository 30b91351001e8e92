import { generate, type Packet } from 'mqtt-packet';
import type { MqttVersion } from '../inbox.ts';
import type { MessageProperties, OutgoingMessage } from '../messages.ts';

const PUBLISH = 0x30;

/** Encodes a PUBLISH. Those without properties are written here, in one allocation; the rest by mqtt-packet. */
export function encodePublish(
  version: MqttVersion,
  message: Pick<OutgoingMessage, 'topic' | 'payload' | 'qos' | 'retain'>,
  messageId: number,
  dup: boolean,
  properties: MessageProperties | null,
): Buffer {
  const { topic, payload, qos, retain } = message;
  if (properties !== null) {
    return generate(
      { cmd: 'publish', topic, payload, qos, retain, dup, ...(qos === 0 ? {} : { messageId }), properties } as Packet,
      { protocolVersion: version },
    );
  }
  const topicBytes = Buffer.byteLength(topic);
  const length = 2 + topicBytes + (qos === 0 ? 0 : 2) + (version === 5 ? 1 : 0) + payload.length;
  const lengthBytes = length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4;
  const packet = Buffer.allocUnsafe(1 + lengthBytes + length);
  packet[0] = PUBLISH | (dup ? 8 : 0) | (qos << 1) | (retain ? 1 : 0);
  let at = 1;
  for (let left = length; ; ) {
    const byte = left & 0x7f;
    left >>= 7;
    packet[at++] = left > 0 ? byte | 0x80 : byte;
    if (left === 0) break;
  }
  at = packet.writeUInt16BE(topicBytes, at);
  at += packet.write(topic, at);
  if (qos > 0) at = packet.writeUInt16BE(messageId, at);
  if (version === 5) packet[at++] = 0;
  packet.set(payload, at);
  return packet;
}

export type AckCommand = 'puback' | 'pubrec' | 'pubrel' | 'pubcomp';

/** The packets that end a QoS 1 or 2 exchange: two bytes of header, the packet id, and in MQTT 5 a reason if there is one. */
export function encodeAck(command: AckCommand, version: MqttVersion, messageId: number, reason: number): Buffer {
  const long = version === 5 && reason !== 0;
  const packet = Buffer.allocUnsafe(long ? 5 : 4);
  packet[0] = FIRST_BYTE[command];
  packet[1] = long ? 3 : 2;
  packet.writeUInt16BE(messageId, 2);
  if (long) packet[4] = reason;
  return packet;
}

const FIRST_BYTE = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;
