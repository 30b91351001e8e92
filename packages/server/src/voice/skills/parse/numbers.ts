/** Numbers in words become digits: what recognition writes as "twenty one" or "2 and a half" reads `21`, `2.5`. */

const UNITS = 'zero one two three four five six seven eight nine'.split(' ');
const TEENS = 'ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(' ');
const TENS = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
const SCALES: Readonly<Record<string, number>> = { thousand: 1e3, million: 1e6, billion: 1e9, trillion: 1e12 };
const FRACTIONS: Readonly<Record<string, number>> = { half: 0.5, quarter: 0.25 };

type Kind = 'unit' | 'teen' | 'tens';
const WORDS: ReadonlyMap<string, { readonly kind: Kind; readonly value: number }> = new Map(
  [
    ...UNITS.map((word, value) => ({ word, kind: 'unit' as const, value })),
    ...TEENS.map((word, index) => ({ word, kind: 'teen' as const, value: index + 10 })),
    ...TENS.map((word, index) => ({ word, kind: 'tens' as const, value: (index + 2) * 10 })),
    { word: 'fourty', kind: 'tens' as const, value: 40 },
  ].map(({ word, kind, value }) => [word, { kind, value }]),
);

const DIGITS = /^\d{1,15}(?:\.\d{1,10})?$/;

interface Found {
  readonly value: number;
  /** Index of the first token after the number. */
  readonly next: number;
}

/** Replaces every number of a normalised text. Numbers side by side stay apart: "seven thirty" becomes `7 30`. */
export function digitsOf(text: string): string {
  const tokens = text.split(' ');
  const out: string[] = [];
  for (let index = 0; index < tokens.length; ) {
    const found = numberAt(tokens, index);
    out.push(found === null ? (tokens[index] ?? '') : plain(found.value));
    index = found?.next ?? index + 1;
  }
  return out.join(' ');
}

/** Without an exponent: the parsers that follow read digits only. */
function plain(value: number): string {
  return value.toLocaleString('en-US', { useGrouping: false, maximumFractionDigits: 10 });
}

function numberAt(tokens: readonly string[], start: number): Found | null {
  const whole = wholeAt(tokens, start);
  if (whole === null) return null;
  return fractionAt(tokens, decimalsAt(tokens, whole));
}

/** "two hundred and five thousand": groups below a thousand, each with its scale. */
function wholeAt(tokens: readonly string[], start: number): Found | null {
  let total = 0;
  let scale = Number.POSITIVE_INFINITY;
  let index = start;
  for (;;) {
    const group = groupAt(tokens, index, index > start);
    if (group === null) return index === start ? null : { value: total, next: index };
    const next = SCALES[tokens[group.next] ?? ''];
    if (next === undefined || next >= scale) return { value: total + group.value, next: group.next };
    total += group.value * next;
    scale = next;
    index = group.next + 1;
  }
}

/** A number below a thousand, or digits. Between groups an "and" may stand before it. */
function groupAt(tokens: readonly string[], start: number, mayHaveAnd: boolean): Found | null {
  let index = start;
  if (mayHaveAnd && tokens[index] === 'and') index += 1;
  if ((tokens[index] === 'a' || tokens[index] === 'an') && isMultiplier(tokens[index + 1])) {
    return tokens[index + 1] === 'hundred' ? hundredsAt(tokens, 1, index + 2) : { value: 1, next: index + 1 };
  }
  const small = smallAt(tokens, index);
  if (small === null) return null;
  return tokens[small.next] === 'hundred' ? hundredsAt(tokens, small.value, small.next + 1) : small;
}

function isMultiplier(token: string | undefined): boolean {
  return token === 'hundred' || (token !== undefined && Object.hasOwn(SCALES, token));
}

function hundredsAt(tokens: readonly string[], hundreds: number, after: number): Found {
  const rest = smallAt(tokens, tokens[after] === 'and' ? after + 1 : after);
  return rest !== null && rest.value < 100
    ? { value: hundreds * 100 + rest.value, next: rest.next }
    : { value: hundreds * 100, next: after };
}

function smallAt(tokens: readonly string[], index: number): Found | null {
  const token = tokens[index] ?? '';
  if (DIGITS.test(token)) return { value: Number(token), next: index + 1 };
  const word = WORDS.get(token);
  if (word === undefined) return null;
  const unit = word.kind === 'tens' ? WORDS.get(tokens[index + 1] ?? '') : undefined;
  return unit?.kind === 'unit' && unit.value > 0
    ? { value: word.value + unit.value, next: index + 2 }
    : { value: word.value, next: index + 1 };
}

/** "three point one four" */
function decimalsAt(tokens: readonly string[], whole: Found): Found {
  if (tokens[whole.next] !== 'point') return whole;
  let decimals = '';
  let index = whole.next + 1;
  for (; decimals.length < 10; index += 1) {
    const token = tokens[index] ?? '';
    const word = token === 'oh' ? { value: 0 } : WORDS.get(token);
    const digits = /^\d{1,10}$/.test(token) ? token : word === undefined || word.value > 99 ? null : String(word.value);
    if (digits === null) break;
    decimals += digits;
  }
  return decimals === '' ? whole : { value: Number(`${Math.trunc(whole.value)}.${decimals}`), next: index };
}

/** "two and a half" */
function fractionAt(tokens: readonly string[], whole: Found): Found {
  const [and, a, fraction] = tokens.slice(whole.next, whole.next + 3);
  const value = and === 'and' && a === 'a' ? FRACTIONS[fraction ?? ''] : undefined;
  return value === undefined ? whole : { value: whole.value + value, next: whole.next + 3 };
}
