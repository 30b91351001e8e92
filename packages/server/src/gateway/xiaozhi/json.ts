import { LIMITS } from '@muster/contract';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Parses JSON that comes from a device. `undefined` when it is not JSON or nests deeper than `maxDepth`, which is
 * found out before anything is built. Members called `__proto__` are left out. The caller bounds the size.
 */
export function parseJson(text: string, maxDepth: number = LIMITS.jsonDepth): unknown {
  if (isDeeperThan(text, maxDepth)) return undefined;
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

function isDeeperThan(text: string, limit: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const char = text.charCodeAt(at);
    if (inString) {
      if (char === BACKSLASH) at++;
      else if (char === QUOTE) inString = false;
    } else if (char === QUOTE) {
      inString = true;
    } else if (char === 0x5b || char === 0x7b) {
      if (++depth > limit) return true;
    } else if (char === 0x5d || char === 0x7d) {
      depth--;
    }
  }
  return false;
}
