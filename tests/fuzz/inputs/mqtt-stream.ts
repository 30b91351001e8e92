import { generate, type Packet } from 'mqtt-packet';
import { mutate } from './mutate.ts';
import type { Random } from './random.ts';

/** What a client of MQTT says, packet by packet, valid but for its mutations. */
export interface MqttStream {
  readonly bytes: Buffer;
}

const TOPICS = [
  'devices/me/telemetry',
  'devices/me/app/x',
  'devices/me/commands/reply',
  'v1/devices/me/telemetry',
  'devices/other/x',
  '$SYS/x',
  '',
];
const FILTERS = [
  'devices/me/app/#',
  'devices/me/+',
  '#',
  'devices/me/commands',
  '$share/g/devices/me/app/x',
  'devices/+/app/x',
  'devices/me/#/x',
];
const NAMES = ['one', 'two', 'key', 'nobody'];
const PAYLOADS = ['{"values":{"temperature":21.5}}', '{}', '', 'x'.repeat(300)];
/** Pieces of MQTT that code goes wrong at. */
const PIECES = [
  '\u0000\u0004MQTT',
  '\u0010',
  '0',
  '2',
  '4',
  '@\u0002\u0000\u0001',
  '\u00c0\u0000',
  '\u00e0\u0000',
  '\u00ff\u00ff\u00ff\u007f',
  '\u0023\u0000\u0001',
  '\u0021\u0000\u0000',
  '\u000b\u0000',
  '\u0026\u0000\u0001a\u0000\u0001b',
].map((text) => Buffer.from(text, 'latin1'));

export function makeStream(random: Random): MqttStream {
  const version = random.chance(0.6) ? 5 : 4;
  const packets = [encode(connect(random, version), version)];
  if (random.chance(0.2)) packets[0] = mutate(packets[0] as Buffer, random, PIECES);
  for (let count = random.below(8); count > 0; count--) {
    const packet = encode(any(random, version), version);
    packets.push(random.chance(0.4) ? mutate(packet, random, PIECES) : packet);
  }
  const bytes = Buffer.concat(packets);
  return { bytes: random.chance(0.1) ? mutate(bytes, random, PIECES) : bytes };
}

function encode(packet: object, protocolVersion: number): Buffer {
  return generate(packet as Packet, { protocolVersion });
}

function connect(random: Random, protocolVersion: number): object {
  const name = random.pick(NAMES);
  const will = {
    topic: random.pick(['devices/me/app/will', 'devices/me/events']),
    payload: Buffer.from('gone'),
    qos: random.below(3),
    retain: random.chance(0.2),
  };
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion,
    clean: random.chance(0.7),
    clientId: random.pick(['a', 'b', 'c', `client-${random.below(20)}`]),
    keepalive: random.pick([0, 1, 60, 65_535]),
    username: name,
    password: Buffer.from('token'),
    ...(random.chance(0.3)
      ? {
          will:
            protocolVersion === 5
              ? { ...will, properties: { willDelayInterval: random.pick([0, 1, 4_294_967_295]) } }
              : will,
        }
      : {}),
    ...(protocolVersion === 5 && random.chance(0.6)
      ? {
          properties: {
            sessionExpiryInterval: random.pick([0, 1, 3_600, 4_294_967_295]),
            receiveMaximum: random.pick([1, 10, 65_535]),
            maximumPacketSize: random.pick([20, 300, 100_000]),
            topicAliasMaximum: random.pick([0, 1, 65_535]),
          },
        }
      : {}),
  };
}

function any(random: Random, version: number): object {
  const messageId = random.pick([1, 2, 3, 65_535]);
  switch (random.below(10)) {
    case 0:
      return {
        cmd: 'subscribe',
        messageId,
        subscriptions: [
          {
            topic: random.pick(FILTERS),
            qos: random.below(3),
            nl: random.chance(0.2),
            rap: random.chance(0.2),
            rh: random.below(3),
          },
        ],
        ...(version === 5 && random.chance(0.3)
          ? { properties: { subscriptionIdentifier: random.pick([1, 268_435_455]) } }
          : {}),
      };
    case 1:
      return { cmd: 'unsubscribe', messageId, unsubscriptions: [random.pick(FILTERS)] };
    case 2:
      return { cmd: 'pingreq' };
    case 3:
      return { cmd: random.pick(['puback', 'pubrec', 'pubrel', 'pubcomp']), messageId, reasonCode: 0 };
    case 4:
      return { cmd: 'disconnect', reasonCode: version === 5 ? random.pick([0, 4]) : 0 };
    default: {
      const qos = random.below(3);
      const properties = {
        topicAlias: random.pick([1, 2, 16]),
        messageExpiryInterval: random.pick([0, 1, 100]),
        responseTopic: 'devices/me/app/answer',
        correlationData: Buffer.from([0, 255]),
        userProperties: { a: 'b' },
      };
      return {
        cmd: 'publish',
        topic: random.pick(version === 5 ? TOPICS : TOPICS.slice(0, -1)),
        payload: random.pick(PAYLOADS),
        qos,
        retain: random.chance(0.1),
        dup: qos > 0 && random.chance(0.2),
        ...(qos === 0 ? {} : { messageId }),
        ...(version === 5 && random.chance(0.4) ? { properties } : {}),
      };
    }
  }
}
