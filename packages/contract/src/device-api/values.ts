import { type Static, Type } from 'typebox';

/** What kind of value a series holds. A series has one kind for ever; a point of another kind is refused. */
export const VALUE_KINDS = ['number', 'boolean', 'string', 'object', 'position'] as const;
export type ValueKind = (typeof VALUE_KINDS)[number];

/** WGS 84; altitude in metres. */
export const Position = Type.Object(
  {
    latitude: Type.Number({ minimum: -90, maximum: 90 }),
    longitude: Type.Number({ minimum: -180, maximum: 180 }),
    altitude: Type.Optional(Type.Number()),
  },
  { additionalProperties: false },
);
export type Position = Static<typeof Position>;

/** Letters, digits and `_ - . : /`; starts with a letter or digit. */
export const SeriesName = Type.String({
  pattern: '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$',
  description: 'Name: letters, digits and `_ - . : /`',
});

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };
export type JsonObject = { readonly [key: string]: JsonValue };
/** One measured value: a finite number, a boolean, a string, or an object ({@link Position} when it has that shape). */
export type PointValue = number | boolean | string | JsonObject;

/** The kind of a value from a wire; null for what no series can hold (null, arrays, NaN). */
export function kindOf(value: unknown): ValueKind | null {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? 'number' : null;
    case 'boolean':
      return 'boolean';
    case 'string':
      return 'string';
    case 'object':
      if (value === null || Array.isArray(value)) return null;
      return isPosition(value as Record<string, unknown>) ? 'position' : 'object';
    default:
      return null;
  }
}

function isPosition(value: Record<string, unknown>): boolean {
  const { latitude, longitude, altitude } = value;
  const within = (one: unknown, limit: number): boolean => typeof one === 'number' && Math.abs(one) <= limit;
  const members = Object.keys(value).length;
  if (!within(latitude, 90) || !within(longitude, 180)) return false;
  return members === 2 || (members === 3 && typeof altitude === 'number' && Number.isFinite(altitude));
}
