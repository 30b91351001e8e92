import type { Static, TObject, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** More faults than that nobody reads. */
const FAULTS = 8;

/** A test for values from a wire: true for the shape of the schema. Members that the schema does not name are no fault. */
export function hasShape<S extends TSchema>(schema: S): (value: unknown) => value is Static<S> {
  return (value): value is Static<S> => Value.Check(schema, value);
}

/**
 * What the validator found, in words for people: a path with dots and what is wrong there, at most eight. `whole` is what
 * the value itself is called. Values are not repeated: they may be a person's words.
 */
export function faultsOf(
  schema: TSchema & Partial<TObject>,
  errors: ReturnType<typeof Value.Errors>,
  whole: string,
): string[] {
  return (
    errors
      // each of those members has a fault of its own
      .filter(({ keyword }) => keyword !== 'additionalProperties')
      .slice(0, FAULTS)
      .map(({ keyword, instancePath, params, message }) => {
        const where = instancePath.slice(1).replaceAll('/', '.').slice(0, 100);
        if (keyword === 'boolean') {
          const known = instancePath.lastIndexOf('/') > 0 ? [] : Object.keys(schema.properties ?? {});
          return `"${where}" is none of its fields${known.length === 0 ? '' : ` (${known.join(', ')})`}`;
        }
        if (keyword === 'required') return `${where || whole} has no ${params.requiredProperties.join(', ')}`;
        return `${where || whole} ${message}`;
      })
  );
}
