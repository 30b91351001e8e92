import type { Static, TSchema } from 'typebox';
import { Value } from 'typebox/value';

/** A test for values from a wire: true for the shape of the schema. Members that the schema does not name are no fault. */
export function hasShape<S extends TSchema>(schema: S): (value: unknown) => value is Static<S> {
  return (value): value is Static<S> => Value.Check(schema, value);
}
