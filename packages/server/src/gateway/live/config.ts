import { type Static, Type } from 'typebox';

/** The live feed's piece of the configuration. */
export const liveConfig = Type.Object({
  maxConnections: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 5_000,
    description: 'Viewers of the live feed at a time, on this server',
  }),
  socketsPerUser: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 50,
    description: 'Connections to the live feed that one user may have open on this server',
  }),
});
export type LiveConfig = Static<typeof liveConfig>;
