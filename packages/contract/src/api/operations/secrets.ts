import { type Static, Type } from 'typebox';
import { nullable } from '../fields.ts';

/** How the change of the key goes on that seals secrets in the database. */
export const KeyRotation = Type.Object({
  running: Type.Boolean(),
  done: Type.Integer({ description: 'Secrets that were sealed with the new key' }),
  left: Type.Integer({ description: 'Those that are not yet' }),
  keys: Type.Integer({ description: 'Keys that are needed until it is done' }),
  failure: nullable(Type.String()),
});
export type KeyRotation = Static<typeof KeyRotation>;
