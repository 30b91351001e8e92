import { LIMITS } from '@muster/contract';
import { isDeeper } from '../../platform/json-depth.ts';

/**
 * Parses JSON that comes from a device. `undefined` when it is not JSON or nests deeper than `maxDepth`, which is
 * found out before anything is built. Members called `__proto__` are left out. The caller bounds the size.
 */
export function parseJson(text: string, maxDepth: number = LIMITS.jsonDepth): unknown {
  if (isDeeper(Buffer.from(text), maxDepth)) return undefined;
  try {
    // A key may be written with escapes; only a text that could hold one pays for the reviver.
    return text.includes('__proto__') || text.includes('\\u')
      ? JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value))
      : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A JSON object as a record; an empty one for everything else. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}
