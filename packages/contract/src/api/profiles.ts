import { type Static, type TSchema, Type } from 'typebox';
import { VALUE_KINDS } from '../device-api/values.ts';
import { COMMAND_CLASSES } from './commands.ts';
import { literals, nullable } from './fields.ts';

const JsonSchema = Type.Unsafe<TSchema>(Type.Object({}, { additionalProperties: true, description: 'JSON schema' }));

export const ProfileSeries = Type.Object({
  kind: literals(VALUE_KINDS),
  unit: nullable(Type.String({ description: 'Unit as UCUM writes it: `Cel`, `%`, `m/s`; null for what has none' })),
  title: Type.String(),
  /** What a working device can measure; a value beyond it is a broken sensor, and is stored all the same. */
  min: Type.Optional(Type.Number()),
  max: Type.Optional(Type.Number()),
});
export type ProfileSeries = Static<typeof ProfileSeries>;

export const ProfileCommand = Type.Object({
  title: Type.String(),
  commandClass: literals(COMMAND_CLASSES),
  deadlineMs: Type.Integer({ minimum: 1, description: 'Time that it may take from the moment it is entered' }),
  args: JsonSchema,
  result: Type.Optional(JsonSchema),
});
export type ProfileCommand = Static<typeof ProfileCommand>;

/** From which value on a series says that the device is not well. */
export const ProfileLimit = Type.Object({
  bad: literals(['above', 'below']),
  warning: Type.Number(),
  critical: Type.Number(),
});
export type ProfileLimit = Static<typeof ProfileLimit>;

/** What a kind of device measures, what it can be told to do, and when it is not well. */
export const Profile = Type.Object({
  name: Type.String(),
  title: Type.String(),
  series: Type.Record(Type.String(), ProfileSeries),
  commands: Type.Record(Type.String(), ProfileCommand),
  health: Type.Object({
    /** How long such a device may be silent, ms; null when it speaks only when something happens. */
    silentMs: nullable(Type.Object({ warning: Type.Integer({ minimum: 1 }), critical: Type.Integer({ minimum: 1 }) })),
    /** Series to the values that count against it: the component `resources`. */
    resources: Type.Record(Type.String(), ProfileLimit),
  }),
});
export type Profile = Static<typeof Profile>;
export const ProfileList = Type.Object({ profiles: Type.Array(Profile) });
export type ProfileList = Static<typeof ProfileList>;
