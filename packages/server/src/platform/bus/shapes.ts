import { COMMAND_RUN_STATES, COMMAND_STATES, SEVERITIES, VALUE_KINDS } from '@muster/contract';
import { type Static, type TLiteral, type TSchema, type TUnion, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import type { BusEvents } from './events.ts';

/** The type of a check gives its event, or null for what has another shape. */
type Shapes = { readonly [Name in keyof BusEvents]: (value: unknown) => BusEvents[Name] | null };

/** Ids and names: what is longer is none of ours. */
const id = Type.String({ maxLength: 128 });
const name = Type.String({ maxLength: 256 });
const instant = Type.Number();
const number = Type.Number();
const state = oneOf(COMMAND_STATES);
const device = { deviceId: id, siteId: id };

/** What another server may say. It is of this house, but the wire between is not: each event is checked. */
export const SHAPES: Shapes = {
  'device.created': shape(Type.Object({ deviceId: id })),
  'device.connected': shape(Type.Object(device)),
  'device.disconnected': shape(Type.Object({ ...device, expected: Type.Boolean() })),
  'device.changed': shape(Type.Object({ deviceId: id })),
  'device.revoked': shape(
    Type.Object({
      deviceId: id,
      code: Type.Optional(oneOf(['DEVICE_DECOMMISSIONED', 'DEVICE_QUARANTINED'] as const)),
    }),
  ),
  'credentials.changed': shape(Type.Object({ deviceId: id })),
  'certificates.changed': shape(Type.Object({ siteId: id })),
  'session.ended': shape(Type.Object({ userId: id })),
  'user.changed': shape(Type.Object({ userId: id })),
  'apiKey.removed': shape(Type.Object({ keyId: id })),
  'assistant.changed': shape(Type.Object({ siteId: id })),
  'site.changed': shape(Type.Object({ siteId: id })),
  'telemetry.stored': shape(
    Type.Object({
      batches: Type.Array(
        Type.Object({
          ...device,
          receivedAt: instant,
          points: Type.Array(
            Type.Object({
              series: name,
              kind: oneOf(VALUE_KINDS),
              at: instant,
              value: Type.Union([
                Type.Number(),
                Type.Boolean(),
                Type.String(),
                Type.Unsafe<Record<string, never>>(Type.Object({})),
              ]),
            }),
          ),
        }),
      ),
    }),
  ),
  'device.refused': shape(Type.Object({ ...device, code: name, count: Type.Integer({ minimum: 1 }) })),
  'device.event': shape(
    Type.Object({
      ...device,
      eventId: id,
      name,
      level: oneOf(['info', 'warning', 'error'] as const),
      data: Type.Unknown(),
      at: instant,
      receivedAt: instant,
    }),
  ),
  'twin.changed': shape(
    Type.Object({
      ...device,
      half: oneOf(['desired', 'reported'] as const),
      desiredVersion: number,
      reportedVersion: number,
    }),
  ),
  'command.queued': shape(Type.Object({ deviceId: id, commandId: id })),
  'command.changed': shape(
    Type.Object({ commandId: id, ...device, name, state, runId: Type.Optional(id), at: instant }),
  ),
  'run.changed': shape(Type.Object({ runId: id, siteId: id, state: oneOf(COMMAND_RUN_STATES), at: instant })),
  'alert.changed': shape(
    Type.Object({
      alertId: id,
      siteId: Type.Union([id, Type.Null()]),
      deviceId: Type.Union([id, Type.Null()]),
      severity: oneOf(SEVERITIES),
      state: oneOf(['open', 'closed'] as const),
      at: instant,
    }),
  ),
};

function shape<S extends TSchema>(schema: S): (value: unknown) => Static<S> | null {
  const compiled = Compile(schema);
  return (value) => (compiled.Check(value) ? (value as Static<S>) : null);
}

function oneOf<const Names extends readonly string[]>(names: Names): TUnion<TLiteral<Names[number]>[]> {
  return Type.Union(names.map((one) => Type.Literal(one as Names[number])));
}
