import { type Static, Type } from 'typebox';
import { literals, nullable } from './fields.ts';

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
