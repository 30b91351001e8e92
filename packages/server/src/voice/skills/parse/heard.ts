import { digitsOf } from './numbers.ts';

/** What was said, in the forms that skills match. */
export interface Heard {
  /** As recognition or a keyboard wrote it. */
  readonly raw: string;
  /** Lower case, no punctuation, contractions written out, polite words around it cut off. */
  readonly words: string;
  /** `words` with numbers as digits. */
  readonly digits: string;
}

/** Longer than a request to a skill ever is: such text is not matched at all, which also bounds every pattern. */
const MOST_CHARS = 300;

const CONTRACTIONS: readonly (readonly [RegExp, string])[] = [
  [/\b(what|who|where|when|how|that|there|it|here|he|she)'s\b/g, '$1 is'],
  [/\b(what|who|where|when|how)'re\b/g, '$1 are'],
  [/\bwhats\b/g, 'what is'],
  [/\blet's\b/g, 'let us'],
  [/\bi'm\b/g, 'i am'],
  [/\b(you|we|they)'re\b/g, '$1 are'],
  [/\b(i|you|we|they|it)'ll\b/g, '$1 will'],
  [/\b(i|you|we|they)'ve\b/g, '$1 have'],
  [/\b(i|you|we|they|he|she)'d\b/g, '$1 would'],
  [/\bcan't\b/g, 'can not'],
  [/\bwon't\b/g, 'will not'],
  [/n't\b/g, ' not'],
  [/\bo'clock\b/g, 'oclock'],
  [/\bo clock\b/g, 'oclock'],
];

/** Signs that carry meaning, as words. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [/(\d),(?=\d{3}\b)/g, '$1'],
  [/%/g, ' percent '],
  [/[×*]/g, ' times '],
  [/÷/g, ' divided by '],
  [/\+/g, ' plus '],
  [/√/g, ' square root of '],
  [/\^/g, ' to the power of '],
  [/[−–]/g, '-'],
  [/(\d) ?- ?(?=\d)/g, '$1 minus '],
  [/(^|\s)-(?=\d)/g, ' minus '],
  [/(\d) ?\/ ?(?=\d)/g, '$1 divided by '],
  [/°/g, ' degrees '],
  [/(\d) ?[x] ?(?=\d)/g, '$1 times '],
  [/\b([ap])\. ?m\b\.?/g, '$1m'],
  [/(\d)([ap]m)\b/g, '$1 $2'],
  [/([a-z\d])-(?=[a-z])/g, '$1 '],
];

const OPENING =
  /^(?:hey|hi|hello|ok|okay|so|well|um+|uh+|er|ah|oh|and|now|please|alright|right|listen|excuse me|sorry|can you|could you|would you|will you|can i|could i|may i|i want you to|i want to|i would like you to|i would like to|i need you to|i need to|do you know|would you mind|go ahead and|just|quickly|can you please) (?=\S)/;
const CLOSING =
  / (?:please|thanks|thank you|thank you very much|for me|would you|will you|right now|now|ok|okay|then)$/;
const MOST_POLITE = 6;

/** Normalises a text; null when it is too long to be a request to a skill. */
export function hear(text: string): Heard | null {
  if (text.length > MOST_CHARS) return null;
  let words = text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[‘’ʼ`]/g, "'");
  for (const [pattern, to] of [...CONTRACTIONS, ...SIGNS]) words = words.replace(pattern, to);
  words = words
    .replace(/\.(?!\d)|(?<!\d)\.|:(?!\d)|[^\p{L}\p{N}\s.:()']/gu, ' ')
    .replace(/'/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  words = withoutPoliteness(words);
  // "five p m" shows its number only now.
  return { raw: text, words, digits: digitsOf(words).replace(/(\d) ([ap]) m\b/g, '$1 $2m') };
}

function withoutPoliteness(words: string): string {
  let left = words;
  for (let times = 0; times < MOST_POLITE; times += 1) {
    const cut = left.replace(OPENING, '').replace(CLOSING, '');
    if (cut === left) break;
    left = cut;
  }
  return left;
}
