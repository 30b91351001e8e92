import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from '../api/fields.ts';
import { LIMITS } from '../limits.ts';
import { type JsonObject, type PointValue, SeriesName } from './values.ts';

/**
 * What a device and Muster say to each other, the same over MQTT, HTTP and WebSocket. docs/reference/device-api.md is
 * made from these schemas and from topics.ts.
 */
function jsonMap(description: string) {
  return Type.Unsafe<JsonObject>(Type.Object({}, { additionalProperties: true, description }));
}

/** Names one order of messages within a device; sequence numbers count within it. */
export const StreamName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$',
  description: 'Which count `seq` belongs to; without it there is one for measurements and one for events',
});
export const Sequence = Type.Integer({
  minimum: 0,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'Number of this message in its stream; sent again with the same number it is stored once',
});

const Values = Type.Unsafe<Readonly<Record<string, PointValue>>>(
  Type.Object(
    {},
    {
      additionalProperties: true,
      minProperties: 1,
      maxProperties: LIMITS.valuesPerPoint,
      description: 'Series to value',
    },
  ),
);
const PointAt = Type.Optional(
  Type.Integer({ minimum: 0, description: 'When it was measured, epoch ms by the clock of the device; default: now' }),
);
export const Points = Type.Object({ at: PointAt, values: Values }, { additionalProperties: false });

/** One message of measurements: `values` for one instant, or `points` for several. */
export const TelemetryMessage = Type.Object(
  {
    stream: Type.Optional(StreamName),
    seq: Type.Optional(Sequence),
    at: PointAt,
    values: Type.Optional(Values),
    points: Type.Optional(
      Type.Array(Points, {
        minItems: 1,
        maxItems: LIMITS.pointsPerMessage,
        description: 'Several instants, each with its `at` and `values`',
      }),
    ),
  },
  { additionalProperties: false },
);
export type TelemetryMessage = Static<typeof TelemetryMessage>;

export const EVENT_LEVELS = ['info', 'warning', 'error'] as const;
/** Something that happened, with words or data; not a measurement. */
export const EventMessage = Type.Object(
  {
    stream: Type.Optional(StreamName),
    seq: Type.Optional(Sequence),
    at: PointAt,
    name: SeriesName,
    level: Type.Optional(literals(EVENT_LEVELS, 'How bad it is')),
    data: Type.Optional(jsonMap('Whatever belongs to it')),
  },
  { additionalProperties: false },
);
export type EventMessage = Static<typeof EventMessage>;

/** A change to what the device says of itself: JSON merge patch (RFC 7396), null removes a field. */
export const TwinReport = Type.Object(
  { reported: jsonMap('What has changed of the reported half; null removes a field') },
  { additionalProperties: false },
);
export type TwinReport = Static<typeof TwinReport>;

/** Both halves of a twin, as the device reads them. Versions only grow. */
export const TwinState = Type.Object({
  desired: jsonMap('What people want it to be'),
  desiredVersion: Type.Integer({ minimum: 0 }),
  reported: jsonMap('What the device said it is'),
  reportedVersion: Type.Integer({ minimum: 0 }),
  delta: jsonMap('What the device has yet to do: fields of `desired` that `reported` does not show'),
});
export type TwinState = Static<typeof TwinState>;

/** What the device has yet to do: fields of `desired` that `reported` does not show. Null: remove the field. */
export const TwinDelta = Type.Object({
  version: Type.Integer({ minimum: 1, description: 'Version of the desired half' }),
  delta: jsonMap('Fields to put; null: remove the field'),
});
export type TwinDelta = Static<typeof TwinDelta>;

/** A command as the device gets it. The same `commandId` again is the same command: do it once, answer again. */
export const CommandMessage = Type.Object({
  commandId: Id,
  name: Type.String({ description: 'What to do: `blink`, or as the profile of the device names it' }),
  args: jsonMap('As the command wants them'),
  deadlineAt: At,
  deadlineMs: Type.Integer({
    minimum: 0,
    description: 'Time left until the deadline, for devices without a clock, ms',
  }),
  attempt: Type.Integer({ minimum: 1, description: 'Counts up when the same command is sent again' }),
});
export type CommandMessage = Static<typeof CommandMessage>;

export const COMMAND_REPLY_STATES = ['acked', 'progress', 'confirmed', 'rejected', 'failed'] as const;
/** What the device says about a command: it has it, how far it is, or how it ended. */
export const CommandReply = Type.Object(
  {
    commandId: Id,
    state: literals(COMMAND_REPLY_STATES, 'It has the command, how far it is, or how it ended'),
    progress: Type.Optional(Type.Number({ minimum: 0, maximum: 1, description: 'How far it is, 0 to 1' })),
    result: Type.Optional(Type.Unknown({ description: 'What came of it, with `confirmed`' })),
    error: Type.Optional(
      Type.Object(
        { code: Type.String({ maxLength: 64 }), message: Type.Optional(Type.String({ maxLength: 1_000 })) },
        { additionalProperties: false, description: 'Why it was rejected or failed' },
      ),
    ),
  },
  { additionalProperties: false },
);
export type CommandReply = Static<typeof CommandReply>;

export const TimeRequest = Type.Object(
  { sentAt: Type.Optional(Type.Number({ description: 'The clock of the device; it comes back in the answer' })) },
  { additionalProperties: false },
);
/** `sentAt` is what the device sent; with the time until the answer it can work out its clock error. */
export const TimeReply = Type.Object({ serverAt: At, sentAt: nullable(Type.Number()) });
export type TimeReply = Static<typeof TimeReply>;
