import { PLACES, WIDE_COUNTRIES } from '../data/places.data.ts';

export type Place =
  | { readonly kind: 'zone'; readonly name: string; readonly timeZone: string }
  /** A country with several zones; `ask` is a city of it. */
  | { readonly kind: 'wide'; readonly name: string; readonly ask: string };

/** Cities that zones are named after, such as "new york" and "ho chi minh". */
const zoneCities: ReadonlyMap<string, string> = new Map(
  Intl.supportedValuesOf('timeZone')
    .filter((zone) => zone.includes('/'))
    .map((zone) => [plain((zone.split('/').at(-1) ?? zone).replaceAll('_', ' ')), zone]),
);

/** Finds a place by what people call it, in lower case; null when it is not known. */
export function findPlace(text: string): Place | null {
  const name = plain(text).replace(/^the /, '');
  if (Object.hasOwn(WIDE_COUNTRIES, name)) return { kind: 'wide', name: titled(name), ask: WIDE_COUNTRIES[name] ?? '' };
  const timeZone = Object.hasOwn(PLACES, name) ? PLACES[name] : zoneCities.get(name);
  return timeZone === undefined ? null : { kind: 'zone', name: titled(name), timeZone };
}

/** Without accents, hyphens and case. */
function plain(text: string): string {
  return text.normalize('NFKD').replace(/\p{M}/gu, '').replace(/đ/g, 'd').replaceAll('-', ' ').toLowerCase().trim();
}

const SHORT = new Set(['uk', 'usa', 'us', 'uae', 'la', 'nyc', 'utc', 'gmt']);
const ARTICLE = new Set([
  'us',
  'usa',
  'uk',
  'uae',
  'united states',
  'states',
  'united kingdom',
  'netherlands',
  'philippines',
]);

function titled(name: string): string {
  if (SHORT.has(name)) return (ARTICLE.has(name) ? 'the ' : '') + name.toUpperCase();
  const words = name
    .replace(/\b\p{L}/gu, (letter) => letter.toUpperCase())
    .replace(/ (Of|De) /g, (of) => of.toLowerCase());
  return ARTICLE.has(name) ? `the ${words}` : words;
}
