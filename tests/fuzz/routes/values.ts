import fc from 'fast-check';
import type { Schema } from '../../permissions/operations.ts';

/** A schema with what only some values need. */
interface Detailed extends Schema {
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly exclusiveMinimum?: number;
  readonly maxProperties?: number;
}

/** Texts that code goes wrong at: what PostgreSQL cannot hold, what is not UTF-8, what looks like another, what runs elsewhere. */
const TEXTS = [
  '\u0000',
  'a\u0000b',
  '\ud800',
  '\udfff x',
  '\u202e abc',
  'аdmin',
  'é',
  'ﷺ'.repeat(20),
  '👩‍👩‍👧‍👦',
  '=HYPERLINK("x")',
  '<script>alert(1)</script>',
  "'; DROP TABLE users; --",
  '%00',
  '../../etc/passwd',
  '{{7*7}}',
  '__proto__',
  'constructor',
  ' ',
  '\n',
  '٣٤',
];
const FORMATS: Readonly<Record<string, fc.Arbitrary<string>>> = {
  uuid: fc.uuid(),
  email: fc.emailAddress(),
  uri: fc.webUrl(),
  'date-time': fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
};
const MOST_ITEMS = 5;
const SAFE = Number.MAX_SAFE_INTEGER;

/** Values that a schema takes, also those at its ends. `given` has some that mean something, by the name of a member. */
export function valuesOf(schema: Schema, given: Readonly<Record<string, unknown>> = {}): fc.Arbitrary<unknown> {
  const one = schema as Detailed;
  if (one.const !== undefined) return fc.constant(one.const);
  if (one.enum !== undefined) return fc.constantFrom(...one.enum);
  if (one.anyOf !== undefined) return fc.oneof(...one.anyOf.map((option) => valuesOf(option, given)));
  switch (one.type) {
    case 'object':
      return objectOf(one, given);
    case 'array': {
      const minLength = one.minItems ?? 0;
      const maxLength = Math.max(minLength, Math.min(one.maxItems ?? MOST_ITEMS, MOST_ITEMS));
      return fc.array(valuesOf(one.items ?? {}, given), { minLength, maxLength });
    }
    case 'integer':
      return fc.integer({
        min: Math.ceil(one.minimum ?? -SAFE),
        max: Math.max(Math.ceil(one.minimum ?? -SAFE), Math.floor(one.maximum ?? SAFE)),
      });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true, min: one.minimum ?? -1e300, max: one.maximum ?? 1e300 });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'string':
      return textOf(one);
    default:
      return fc.jsonValue({ maxDepth: 3 });
  }
}

function objectOf(schema: Detailed, given: Readonly<Record<string, unknown>>): fc.Arbitrary<unknown> {
  const members: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const drawn = valuesOf(member, given);
    members[name] =
      name in given
        ? fc.oneof({ weight: 4, arbitrary: fc.constant(given[name]) }, { weight: 1, arbitrary: drawn })
        : drawn;
  }
  const known = fc.record(members, { requiredKeys: [...(schema.required ?? [])] });
  const open = Object.entries(schema.patternProperties ?? {})[0];
  if (open === undefined) return known;
  const more = fc.dictionary(fc.oneof(keyOf(open[0]), fc.constantFrom('a', 'temperature')), valuesOf(open[1], given), {
    maxKeys: Math.min(schema.maxProperties ?? MOST_ITEMS, MOST_ITEMS),
  });
  return fc.tuple(known, more).map(([first, rest]) => ({ ...(first as object), ...rest }));
}

const keyOf = (pattern: string): fc.Arbitrary<string> =>
  /[?][!=<]/.test(pattern) ? fc.constant('x') : fc.stringMatching(new RegExp(pattern));

function textOf({ pattern, format, minLength = 0, maxLength = 2_000 }: Detailed): fc.Arbitrary<string> {
  if (pattern !== undefined) return keyOf(pattern);
  const known = format === undefined ? undefined : FORMATS[format];
  if (known !== undefined) return known;
  const fit = (text: string): string => text.padEnd(minLength, 'x').slice(0, maxLength);
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 30)) }) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }).map(fit) },
    { weight: 2, arbitrary: fc.constantFrom(...TEXTS).map(fit) },
    { weight: 1, arbitrary: fc.constantFrom(minLength, maxLength).map((length) => 'x'.repeat(length)) },
  );
}

/** Any text, for places that have no schema. */
export const anyText: fc.Arbitrary<string> = fc.oneof(fc.constantFrom(...TEXTS), fc.string({ unit: 'binary' }));
