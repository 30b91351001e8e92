import { LIMITS } from '@muster/contract';
import { type Static, Type } from 'typebox';

/** The MQTT gateway's piece of the configuration. */
export const mqttConfig = Type.Object({
  enabled: Type.Boolean({ default: true, description: 'Whether devices may use MQTT' }),
  host: Type.Optional(
    Type.String({
      description:
        'Address to listen on without TLS; default: 127.0.0.1. Passwords cross the network in the clear elsewhere',
    }),
  ),
  port: Type.Integer({
    default: 1883,
    minimum: 0,
    maximum: 65_535,
    description: 'Port without TLS; 0 takes a free one',
  }),
  tlsHost: Type.Optional(Type.String({ description: 'Address to listen on with TLS; default: http.host' })),
  tlsPort: Type.Integer({
    default: 8883,
    minimum: 0,
    maximum: 65_535,
    description: 'Port with TLS, open when TLS_CERT and TLS_KEY are set; 0 takes a free one',
  }),
  brokerUrl: Type.Optional(
    Type.String({
      env: 'MQTT_BROKER_URL',
      secret: true,
      pattern: '^mqtts?://',
      description: 'Use this broker instead of our own: it names and checks the devices; we take what they publish',
    }),
  ),
  maxConnections: Type.Integer({
    default: 20_000,
    minimum: 1,
    maximum: 1_000_000,
    description: 'MQTT connections at once',
  }),
  connectsPerSecond: Type.Integer({
    default: 500,
    minimum: 1,
    maximum: 100_000,
    description: 'Connections begun a second; the next wait their turn, so that a fleet that comes back harms nobody',
  }),
  connectsPerMinute: Type.Integer({
    default: 120,
    minimum: 1,
    maximum: 1_000_000,
    description: 'Connections a minute with the same credentials; past it they are refused before anybody is asked',
  }),
  messagesPerSecond: Type.Integer({
    default: LIMITS.deviceMessagesPerSecond,
    minimum: 1,
    maximum: 1_000_000,
    description:
      'Messages a second of one device over all wires, two values or a fifth of a request counting as one; past it its connections are read more slowly',
  }),
  bytesPerSecond: Type.Integer({
    default: LIMITS.deviceBytesPerSecond,
    minimum: 1_024,
    maximum: 1_073_741_824,
    description: 'Bytes a second of one device over all wires; past it its connections are read more slowly',
  }),
  sessionDays: Type.Number({
    default: 7,
    minimum: 0,
    maximum: 365,
    description: 'How long a session that asked to be kept is kept without a connection, days',
  }),
});
export type MqttConfig = Static<typeof mqttConfig>;

/** Limits that nobody needs to change. */
export const MQTT_LIMITS = {
  /** Bytes of a packet besides its payload: topic and properties. */
  headBytes: 4_096,
  /** Publishes of one client that wait for their acknowledgement; told to clients as receive maximum. */
  inflight: 256,
  /** Topic aliases that a client may set. */
  topicAliases: 16,
  subscriptions: 32,
  /** Messages kept for a session that is away or slow. */
  queued: 1_000,
  /** Retained topics of one device. */
  retained: 100,
  /** Sessions of one identity: a device and a person trying it. */
  sessionsPerIdentity: 8,
  /** CONNECT must come within this, ms. */
  connectMs: 10_000,
  /** Bytes that may wait in the socket of a client; QoS 0 is dropped past it, and past four times as much it is closed. */
  waitingBytes: 262_144,
  /** Longest keep-alive that is taken, s; a client that asks for none gets it. */
  keepAliveSeconds: 1_200,
} as const;
