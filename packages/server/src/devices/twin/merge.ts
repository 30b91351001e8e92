import { type JsonObject, type JsonValue, LIMITS, MusterError } from '@muster/contract';

/** When each leaf was changed, by its path. A removed field keeps its time. */
export type Times = Readonly<Record<string, number>>;

export interface Half {
  readonly value: JsonObject;
  readonly times: Times;
}

/**
 * A JSON merge patch (RFC 7396) on one half of a twin; null when it changes nothing. TWIN_TOO_LARGE and
 * MESSAGE_TOO_DEEP past the limits.
 */
export function mergeHalf(half: Half, patch: JsonObject, now: number): Half | null {
  const times: Record<string, number> = { ...half.times };
  let changed = false;
  const stamp = (path: string): void => {
    times[path] = now;
    changed = true;
  };
  const value = merge(half.value, patch, '', 1, stamp);
  if (!changed) return null;
  if (Buffer.byteLength(JSON.stringify(value)) > LIMITS.twinBytes) {
    throw new MusterError('TWIN_TOO_LARGE', { limit: LIMITS.twinBytes });
  }
  return { value, times: prune(times) };
}

function merge(
  target: JsonValue | undefined,
  patch: JsonObject,
  path: string,
  depth: number,
  stamp: (path: string) => void,
): JsonObject {
  if (depth > LIMITS.twinDepth) throw new MusterError('MESSAGE_TOO_DEEP', { limit: LIMITS.twinDepth });
  // without a prototype: "__proto__" is a name like any other
  const result: Record<string, JsonValue> = Object.assign(Object.create(null), isObject(target) ? target : {});
  for (const [name, wanted] of Object.entries(patch)) {
    const at = path === '' ? name : `${path}.${name}`;
    const before = result[name];
    if (wanted === null) {
      if (before === undefined) continue;
      delete result[name];
      stamp(at);
    } else if (isObject(wanted)) {
      const isNew = !isObject(before);
      result[name] = merge(before, wanted, at, depth + 1, stamp);
      if (isNew && Object.keys(wanted).length === 0) stamp(at);
      else if (isNew && before !== undefined) stamp(at);
    } else if (!same(before, wanted)) {
      if (Array.isArray(wanted)) checkDepth(wanted, depth + 1);
      result[name] = wanted;
      stamp(at);
    }
  }
  return result;
}

/** Times of removed fields are kept, but not without end. */
const MOST_TIMES = 2_000;

function prune(times: Record<string, number>): Times {
  const entries = Object.entries(times);
  if (entries.length <= MOST_TIMES) return times;
  return Object.fromEntries(entries.sort((a, b) => b[1] - a[1]).slice(0, MOST_TIMES));
}

function checkDepth(value: JsonValue, depth: number): void {
  if (depth > LIMITS.twinDepth) throw new MusterError('MESSAGE_TOO_DEEP', { limit: LIMITS.twinDepth });
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) checkDepth(member as JsonValue, depth + 1);
  }
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every((name) => Object.hasOwn(b, name) && same(member(a, name), member(b, name)));
}

function member(value: object, name: string): JsonValue | undefined {
  return (value as Record<string, JsonValue>)[name];
}
