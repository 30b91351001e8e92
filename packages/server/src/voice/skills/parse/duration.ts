const UNITS: readonly { readonly names: string; readonly ms: number }[] = [
  { names: 'seconds?|secs?', ms: 1_000 },
  { names: 'minutes?|mins?', ms: 60_000 },
  { names: 'hours?|hrs?', ms: 3_600_000 },
  { names: 'days?', ms: 86_400_000 },
  { names: 'weeks?', ms: 604_800_000 },
];
const UNIT = UNITS.map(({ names }) => names).join('|');
const AMOUNT = String.raw`\d{1,6}(?:\.\d{1,4})?|an?|half an?|half|a quarter of an?|(?:3|three) quarters of an?|an? half|a couple of`;
const PART = `(?:${AMOUNT}) (?:${UNIT})(?: and a half| and a quarter)?`;

/** Source of a pattern for a duration with digits for numbers, such as "1 hour and 20 minutes". No groups. */
export const DURATION = `${PART}(?:(?: and)? ${PART})*`;

/** Reads a whole text of that pattern, ms; null when it is not one or is 0. */
export function parseDuration(text: string): number | null {
  if (!new RegExp(`^(?:${DURATION})$`).test(text)) return null;
  const part = new RegExp(`(${AMOUNT}) (${UNIT})( and a half| and a quarter)?`, 'g');
  let total = 0;
  for (const [, amount = '', unit = '', more = ''] of text.matchAll(part)) {
    const factor = amountOf(amount) + (more === '' ? 0 : more.endsWith('half') ? 0.5 : 0.25);
    total += factor * (UNITS.find(({ names }) => new RegExp(`^(?:${names})$`).test(unit))?.ms ?? 0);
  }
  return total > 0 ? Math.round(total) : null;
}

function amountOf(text: string): number {
  if (/quarters/.test(text)) return 0.75;
  if (/quarter/.test(text)) return 0.25;
  if (/half/.test(text)) return 0.5;
  if (text === 'a couple of') return 2;
  return /^\d/.test(text) ? Number(text) : 1;
}
