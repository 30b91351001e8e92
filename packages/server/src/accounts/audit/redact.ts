import { hostOnly } from '../../platform/http/host-only.ts';

/** Names of members whose values are secrets, wherever they stand. Names that only mention a key (`keyId`) are none. */
const SECRET =
  /(^|_)(token|secret|password|passphrase|credential|authorization|cookie|code)s?$|(Token|Secret|Password|Key|Credential|Code)s?$|^(key|pem|signature|challenge|psk)$/;
const NO_SECRET = /^(publicKey|idempotencyKey|errorCode)$/;
const HIDDEN = '(hidden)';
const MOST_TEXT = 500;
const MOST_MEMBERS = 100;
const MOST_DEPTH = 6;
/** Longest JSON of one side, characters. */
const MOST_JSON = 8_000;

/** A copy without secrets, and bounded. */
export function redact(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return value.length > MOST_TEXT ? `${value.slice(0, MOST_TEXT)}…` : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MOST_DEPTH) return '…';
  if (Array.isArray(value)) {
    const kept = value.slice(0, MOST_MEMBERS).map((one) => redact(one, depth + 1));
    return value.length > MOST_MEMBERS ? [...kept, `… ${value.length - MOST_MEMBERS} more`] : kept;
  }
  const copy: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value).slice(0, MOST_MEMBERS)) {
    const isSecret = SECRET.test(name) && !NO_SECRET.test(name) && member !== null && member !== undefined;
    copy[name] = isSecret ? HIDDEN : name === 'url' ? addressOf(member) : redact(member, depth + 1);
  }
  return copy;
}

const addressOf = (url: unknown): unknown =>
  typeof url === 'string' ? (hostOnly(url) ?? HIDDEN) : url === null || url === undefined ? url : HIDDEN;

/** Both sides without secrets, and of two objects only the members that differ. */
export function difference(before: unknown, after: unknown): { readonly before: unknown; readonly after: unknown } {
  if (!isObject(before) || !isObject(after)) return { before: bounded(redact(before)), after: bounded(redact(after)) };
  const changed = Object.keys({ ...before, ...after }).filter((name) => !same(before[name], after[name]));
  const pick = (from: Record<string, unknown>) => Object.fromEntries(changed.map((name) => [name, from[name] ?? null]));
  return { before: bounded(redact(pick(before))), after: bounded(redact(pick(after))) };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const same = (one: unknown, other: unknown): boolean =>
  one === other || JSON.stringify(one ?? null) === JSON.stringify(other ?? null);

function bounded(value: unknown): unknown {
  const length = (JSON.stringify(value) ?? '').length;
  return length > MOST_JSON ? { tooLong: true, characters: length } : value;
}
