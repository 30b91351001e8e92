import { type Static, Type } from 'typebox';
import { literals, nullable } from '../fields.ts';

export const PART_STATES = ['starting', 'ready', 'degraded', 'down'] as const;
export type PartState = (typeof PART_STATES)[number];

export const HealthReply = Type.Object({ alive: Type.Literal(true), version: Type.String(), uptimeMs: Type.Number() });
export type HealthReply = Static<typeof HealthReply>;

/** Every part with its state and how old that knowledge is. */
export const ReadyReply = Type.Object({
  ready: Type.Boolean(),
  parts: Type.Array(
    Type.Object({
      name: Type.String(),
      state: literals(PART_STATES),
      /** null: never measured */
      ageMs: nullable(Type.Number()),
      detail: nullable(Type.String()),
    }),
  ),
});
export type ReadyReply = Static<typeof ReadyReply>;

/** What a device asks before it has anything: where its server listens. Known to anyone who can reach it. */
export const AboutReply = Type.Object({
  version: Type.String(),
  /** Epoch ms */
  serverAt: Type.Number(),
  /** Whether devices that say they are simulated are let in. */
  simulatedAllowed: Type.Boolean(),
  /** null: there is no MQTT. */
  mqtt: nullable(
    Type.Object({
      host: nullable(Type.String({ description: 'null: where this was asked' })),
      port: nullable(Type.Integer({ description: 'Without TLS; on loopback only unless mqtt.host says otherwise' })),
      tlsPort: nullable(Type.Integer()),
    }),
  ),
});
export type AboutReply = Static<typeof AboutReply>;
