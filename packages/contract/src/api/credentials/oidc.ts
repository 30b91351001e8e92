import { type Static, Type } from 'typebox';
import { nullable } from '../fields.ts';

export const SsoInfo = Type.Object({
  /** "Sign in with …"; null when there is no identity provider. */
  name: nullable(Type.String({ description: 'What people call the identity provider' })),
});
export type SsoInfo = Static<typeof SsoInfo>;

export const SsoStart = Type.Object(
  {
    returnTo: Type.Optional(Type.String({ maxLength: 1_000, description: 'Path of this server to go to afterwards' })),
    fresh: Type.Boolean({ default: false, description: 'People show themselves to the provider again: a proof' }),
  },
  { additionalProperties: false },
);
export type SsoStart = Static<typeof SsoStart>;
