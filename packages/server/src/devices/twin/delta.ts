import type { JsonObject, JsonValue } from '@muster/contract';
import { isObject, same } from './merge.ts';

/**
 * What the device has yet to do: the fields of `desired` that `reported` does not show, as a merge patch on what is
 * reported. Empty when it has done everything. What is reported and not desired is the device's own matter.
 */
export function deltaOf(desired: JsonObject, reported: JsonObject): JsonObject {
  const delta: Record<string, JsonValue> = Object.create(null);
  for (const [name, wanted] of Object.entries(desired)) {
    const shown = Object.hasOwn(reported, name) ? reported[name] : undefined;
    if (isObject(wanted) && isObject(shown)) {
      const inner = deltaOf(wanted, shown);
      if (Object.keys(inner).length > 0) delta[name] = inner;
    } else if (!same(wanted, shown)) {
      delta[name] = wanted;
    }
  }
  return delta;
}
