import { type Static, Type } from 'typebox';
import { TwinState } from '../device-api/messages.ts';
import type { JsonObject } from '../device-api/values.ts';
import { At } from './fields.ts';

const Times = Type.Record(Type.String(), At, {
  description: 'When each field was last changed, by its path ("led.colour"); removed fields keep their time',
});
const Json = Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true }));

/** The twin of a device as people read it. */
export const Twin = Type.Object({
  ...TwinState.properties,
  desiredTimes: Times,
  reportedTimes: Times,
});
export type Twin = Static<typeof Twin>;

export const TwinPatch = Type.Object(
  {
    /** JSON merge patch (RFC 7396): null removes a field. */
    patch: Json,
    /** The version that was read: TWIN_CONFLICT when the twin has changed since. */
    version: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  { additionalProperties: false },
);
export type TwinPatch = Static<typeof TwinPatch>;
