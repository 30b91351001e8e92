import { type Static, Type } from 'typebox';
import { Tag } from './devices.ts';
import { At, Id, Name, nullable } from './fields.ts';

const Path = Type.String({
  pattern: '^[A-Za-z0-9_-]{1,64}(\\.[A-Za-z0-9_-]{1,64}){0,7}$',
  description: 'Path of a field of the reported twin, such as `wifi.rssi`',
});

const Value = Type.Union([Type.String({ maxLength: 200 }), Type.Number(), Type.Boolean()]);

/** One condition; exactly one of its members says what is compared, `reported` with one of its comparisons. */
export const Condition = Type.Object(
  {
    tag: Type.Optional(Tag),
    profile: Type.Optional(Type.String({ maxLength: 64 })),
    name: Type.Optional(Type.String({ maxLength: 200, description: 'Part of the name' })),
    simulated: Type.Optional(Type.Boolean()),
    connected: Type.Optional(Type.Boolean()),
    reported: Type.Optional(Path),
    is: Type.Optional(Value),
    not: Type.Optional(Value),
    above: Type.Optional(Type.Number()),
    below: Type.Optional(Type.Number()),
    exists: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export type Condition = Static<typeof Condition>;

/** `all`: every condition holds. `any`: one of them does. Both: `all` of the first and `any` of the second. */
export const GroupQuery = Type.Object(
  {
    all: Type.Optional(Type.Array(Condition, { minItems: 1, maxItems: 16 })),
    any: Type.Optional(Type.Array(Condition, { minItems: 1, maxItems: 16 })),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type GroupQuery = Static<typeof GroupQuery>;

export const Group = Type.Object({
  groupId: Id,
  siteId: Id,
  name: Name,
  /** Null: a list. */
  query: nullable(GroupQuery),
  createdAt: At,
});
export type Group = Static<typeof Group>;
export const GroupList = Type.Object({ groups: Type.Array(Group) });
export type GroupList = Static<typeof GroupList>;

export const GroupCreate = Type.Object(
  {
    name: Name,
    siteId: Type.Optional(Id),
    query: Type.Optional(GroupQuery),
    deviceIds: Type.Optional(Type.Array(Id, { maxItems: 10_000, uniqueItems: true })),
  },
  { additionalProperties: false },
);
export type GroupCreate = Static<typeof GroupCreate>;

export const GroupChange = Type.Object(
  {
    name: Type.Optional(Name),
    query: Type.Optional(GroupQuery),
    add: Type.Optional(Type.Array(Id, { maxItems: 10_000 })),
    remove: Type.Optional(Type.Array(Id, { maxItems: 10_000 })),
  },
  { additionalProperties: false },
);
export type GroupChange = Static<typeof GroupChange>;
