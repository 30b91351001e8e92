import type { Random } from './random.ts';

/** Numbers at which code goes wrong: signs, ends of a byte, lengths that go on. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x20, 0x30, 0x10];
/** Pieces of JSON that code goes wrong at. */
const JSON_PIECES = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"',
  '\\',
  '\\u0000',
  '\\ud800',
  'null',
  'true',
  '-1',
  '1e999',
  '-0',
  '9007199254740993',
  '1.5',
  '""',
  '[]',
  '{}',
  '"__proto__":',
  '"constructor":',
  '{"a":{"a":{"a":{"a":',
  '[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[',
  '\u0000',
  '\u{1f600}',
  '\ufeff',
  ' ',
  '99999999999999',
  '1800000000000',
].map((piece) => Buffer.from(piece));
const NO_UTF8 = [0xc0, 0xaf, 0xed, 0xa0, 0x80, 0xff, 0xfe];
const LONGEST = 100_000;

/** Changes a valid input here and there: one change as a rule, sometimes many, sometimes none. */
export function mutate(input: Uint8Array, random: Random, pieces: readonly Buffer[] = JSON_PIECES): Buffer {
  let bytes: Buffer = Buffer.from(input);
  const changes = random.pick([0, 1, 1, 1, 2, 2, 4, 16]);
  for (let change = 0; change < changes; change++) bytes = changed(bytes, random, pieces);
  return bytes.length > LONGEST ? bytes.subarray(0, LONGEST) : bytes;
}

function changed(bytes: Buffer, random: Random, pieces: readonly Buffer[]): Buffer {
  const at = random.below(bytes.length + 1);
  const to = Math.min(bytes.length, at + random.below(random.pick([2, 8, 64, bytes.length + 1])));
  const put = (piece: Uint8Array, until: number): Buffer =>
    Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(until)]);
  switch (random.below(10)) {
    case 0:
      if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
      return bytes;
    case 1:
      if (at < bytes.length) bytes[at] = random.pick(EDGES);
      return bytes;
    case 2:
      if (at < bytes.length) bytes[at] = random.below(256);
      return bytes;
    case 3:
      return bytes.subarray(0, at);
    case 4:
      return put(Buffer.alloc(0), to);
    case 5:
      return put(random.pick(pieces), random.chance(0.5) ? at : to);
    case 6:
      return put(Buffer.from(NO_UTF8.slice(random.below(NO_UTF8.length))), at);
    case 7: {
      // a part of it again, sometimes very often
      const part = bytes.subarray(at, to);
      const times = random.chance(0.05) ? 2_000 : 1 + random.below(4);
      return put(
        Buffer.concat(Array.from({ length: Math.min(times, Math.ceil(LONGEST / (part.length + 1))) }, () => part)),
        at,
      );
    }
    case 8: {
      const part = Buffer.from(bytes.subarray(at, to));
      const other = random.below(bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, other), part, bytes.subarray(other)]);
    }
    default:
      return put(Buffer.from(Array.from({ length: random.below(16) }, () => random.below(256))), at);
  }
}

/** Values that stand where others are expected. */
const VALUES: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e300,
  Number.MAX_SAFE_INTEGER,
  '',
  'x',
  '\u0000',
  '\ud800',
  'x'.repeat(5_000),
  [],
  {},
  [[]],
  { a: { b: null } },
  Array.from({ length: 1_500 }, (_, nth) => nth),
  { latitude: 91, longitude: 0 },
  1_800_000_000_000,
  '__proto__',
];
const KEYS = [
  '',
  '__proto__',
  'constructor',
  'toString',
  'a b',
  'x'.repeat(200),
  '\u0000',
  'at',
  'seq',
  'values',
  'type',
  'id',
];

/** A message of JSON that is still JSON, with other values, keys and shapes; as often as not its bytes are changed as well. */
export function mutateJson(message: unknown, random: Random): Buffer {
  let value: unknown = structuredClone(message);
  for (let change = random.below(4); change > 0; change--) value = reshaped(value, random);
  const bytes = Buffer.from(JSON.stringify(value));
  return random.chance(0.4) ? mutate(bytes, random) : bytes;
}

function reshaped(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random.chance(0.1)) return random.pick(VALUES);
  const entries = Object.entries(value);
  const nth = random.below(entries.length + 1);
  const [key, inner] = entries[nth] ?? [random.pick(KEYS), random.pick(VALUES)];
  const fresh: [string, unknown][] = (() => {
    switch (random.below(5)) {
      case 0:
        return entries.filter((_, index) => index !== nth);
      case 1:
        return [...entries.filter((_, index) => index !== nth), [random.pick(KEYS), inner]];
      case 2:
        return [...entries, [random.pick(KEYS), random.pick(VALUES)]];
      default:
        return [...entries.filter((_, index) => index !== nth), [key, reshaped(inner, random)]];
    }
  })();
  return Array.isArray(value) ? fresh.map(([, one]) => one) : Object.fromEntries(fresh);
}
