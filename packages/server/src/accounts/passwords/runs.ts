/** Rows of keyboards, the alphabet and the numbers, and the columns of a keyboard. */
const ROWS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  '`1234567890-=',
  '~!@#$%^&*()_+',
  'qwertyuiop[]\\',
  'qwertzuiop',
  'azertyuiop',
  "asdfghjkl;'",
  'qsdfghjklm',
  'zxcvbnm,./',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,9ol.0p;/',
  '1q2w3e4r5t6y7u8i9o0p',
  'qawsedrftgyhujikolp',
];
const LINES = ROWS.flatMap((row) => [row, [...row].reverse().join('')]);
const SHORTEST_PIECE = 3;

/** Whether it is made of runs along the keyboard, the alphabet or the numbers, but for a few characters. */
export function isRun(text: string): boolean {
  let own = 0;
  for (let at = 0; at < text.length; ) {
    const length = Math.max(runAt(text, at), sameAt(text, at));
    if (length >= SHORTEST_PIECE) at += length;
    else {
      own += 1;
      at += 1;
    }
  }
  return own * 4 <= text.length;
}

/** At most three different characters, or one piece of at most six over and over. */
export function isRepeated(text: string): boolean {
  const characters = [...text];
  if (new Set(characters).size <= 3) return true;
  const longest = Math.min(6, Math.floor(characters.length / 2));
  for (let length = 1; length <= longest; length += 1)
    if (characters.every((character, at) => character === characters[at % length])) return true;
  return false;
}

function runAt(text: string, at: number): number {
  let longest = 0;
  for (const line of LINES) {
    let length = longest + 1;
    while (at + length <= text.length && line.includes(text.slice(at, at + length))) length += 1;
    longest = Math.max(longest, length - 1);
  }
  return longest;
}

function sameAt(text: string, at: number): number {
  let length = 1;
  while (text[at + length] === text[at] && at + length < text.length) length += 1;
  return length;
}
