import { LIMITS } from '@muster/contract';
import { type Static, Type } from 'typebox';

/** The gateway's piece of the configuration. */
export const XiaozhiConfig = Type.Object(
  {
    idleMs: Type.Integer({
      default: LIMITS.idleMs,
      minimum: 1_000,
      maximum: 3_600_000,
      description: 'A conversation in which nothing was said for this long ends, ms',
    }),
    goodbyeMs: Type.Integer({
      default: 60_000,
      minimum: 0,
      maximum: 600_000,
      description: 'How long the goodbye of an idle conversation may take, ms',
    }),
    pingMs: Type.Integer({
      default: 30_000,
      minimum: 1_000,
      maximum: 600_000,
      description:
        'Time between pings that keep routers from forgetting the connection, ms; a missing pong is no fault',
    }),
    maxConnections: Type.Integer({
      default: 10_000,
      minimum: 1,
      maximum: 1_000_000,
      description: 'Devices connected at once; the next one is told to come back later',
    }),
    transport: Type.Unsafe<'websocket' | 'mqtt'>(
      Type.String({
        enum: ['websocket', 'mqtt'],
        default: 'websocket',
        description:
          'What devices are told to use. mqtt: they keep a connection, so that reminders reach an idle device; needs mqtt.host and udpPort open to them',
      }),
    ),
    udpHost: Type.Optional(
      Type.String({ description: 'Address to listen on for sound of devices that use MQTT; default: http.host' }),
    ),
    udpPort: Type.Integer({
      default: 8884,
      minimum: 0,
      maximum: 65_535,
      description: 'UDP port for that sound; 0 takes a free one',
    }),
    publicHost: Type.Optional(
      Type.String({
        pattern: '^[A-Za-z0-9._-]{1,253}$',
        description: 'Name or address of this server for MQTT and UDP, as devices see it; default: as they asked',
      }),
    ),
    allowedOrigins: Type.Array(Type.String({ maxLength: 255 }), {
      default: [],
      maxItems: 32,
      description: 'Web pages that may ask for a device configuration, such as https://test.example; none by default',
    }),
  },
  { additionalProperties: false },
);
export type XiaozhiConfig = Static<typeof XiaozhiConfig>;
