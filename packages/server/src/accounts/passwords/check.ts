import { MusterError } from '@muster/contract';
import { isRepeated, isRun } from './runs.ts';
import { isWellKnown } from './well-known.ts';

export const SHORTEST_PASSWORD = 12;

/** Who chooses it, and where: words that an attacker knows too. */
export interface PasswordOwner {
  readonly email?: string;
  readonly name?: string;
  readonly siteNames?: readonly string[];
}

/** Words of the owner that are shorter say nothing: they stand in too many sentences. */
const SHORTEST_WORD = 4;
/** What must remain of a password besides the words and patterns that everybody knows, characters. */
const LEAST_OWN = 6;

/**
 * Throws PASSWORD_WEAK (too short, a pattern, made of what is known about the owner) or PASSWORD_BREACHED (on the list of
 * common ones, as it is, padded, repeated or put together of two); `say` tells the person why. Counts characters as people do.
 */
export function checkPassword(password: string, about: PasswordOwner = {}): void {
  const weak = (say: string): MusterError => new MusterError('PASSWORD_WEAK', { shortest: SHORTEST_PASSWORD }, { say });
  if ([...password].length < SHORTEST_PASSWORD) throw weak(`Use at least ${SHORTEST_PASSWORD} characters.`);
  const typed = password.normalize('NFKC').toLowerCase();
  if (isRepeated(typed)) throw weak('This password repeats the same few characters.');
  if (isRun(typed)) throw weak('This password follows the keyboard, the alphabet or the numbers.');
  const unpadded = plainLetters(typed.replace(/[^\p{L}]+$/u, ''));
  if ([typed, plainLetters(typed), unpadded].some(isPaddedCommon)) throw breached();
  const word = ownWords(about).find((own) => leavesLittle(typed, own) || leavesLittle(plainLetters(typed), own));
  if (word !== undefined) throw weak('This password is little more than your name, your e-mail address or the site.');
}

const breached = (): MusterError =>
  new MusterError(
    'PASSWORD_BREACHED',
    {},
    {
      say: 'This password, or one like it, is on the lists that attackers try first. Four random words make a good one.',
    },
  );

/** The common password itself, with digits and signs around it, repeated, or two of them joined. */
function isPaddedCommon(text: string): boolean {
  const letters = text.replace(/[^\p{L}]+/gu, '');
  const bare = text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  const compact = text.replace(/[^\p{L}\p{N}]+/gu, '');
  for (const form of [text, bare, compact, compact.replace(/\d+$/, '')])
    if (isWellKnown(form) || (form.length > 0 && isWellKnown(unitOf(form)))) return true;
  // what is left without digits and signs, when they are all that was added
  if (letters.length > 0 && (isWellKnown(letters) || isWellKnown(unitOf(letters)))) return true;
  return isCommonWithEnds(text) || isTwoCommon(compact) || isTwoCommon(letters);
}

/** A common password with something short, or a run, before or behind it: `admin@muster1`, `qwertyuiop12`. */
function isCommonWithEnds(text: string): boolean {
  for (let length = text.length - 1; length >= SHORTEST_WORD; length -= 1)
    for (const [known, rest] of [
      [text.slice(0, length), text.slice(length)],
      [text.slice(-length), text.slice(0, -length)],
    ] as const)
      if (isWellKnown(known) && (/^[^\p{L}]*$/u.test(rest) || isRun(rest) || isRepeated(rest) || rest.length <= 2))
        return true;
  return false;
}

function isTwoCommon(text: string): boolean {
  // two words of a long sentence are no pattern: only what is short all together
  if (text.length > 16) return false;
  for (let at = 3; at <= text.length - 3; at += 1) {
    const [first, second] = [text.slice(0, at), text.slice(at)];
    if (isWellKnown(first) && isWellKnown(second)) return true;
  }
  return false;
}

/** `abcabcabc` is `abc`. */
function unitOf(text: string): string {
  const at = (text + text).indexOf(text, 1);
  return text.slice(0, at);
}

/** What stands for letters: `p@ssw0rd` is `password`. */
const LETTERS: Readonly<Record<string, string>> = {
  ...{ '@': 'a', '4': 'a', '3': 'e', '1': 'i', '!': 'i', '0': 'o', $: 's', '5': 's', '7': 't', '+': 't' },
};
const plainLetters = (text: string): string => text.replace(/[@431!0$57+]/g, (sign) => LETTERS[sign] ?? sign);

function ownWords({ email = '', name = '', siteNames = [] }: PasswordOwner): string[] {
  return [email.replace(/\.[a-z]+$/i, ''), name, ...siteNames]
    .flatMap((text) => {
      const words = text
        .normalize('NFKC')
        .toLowerCase()
        .split(/[^\p{L}\p{N}]+/u);
      return [...words, words.join('')];
    })
    .filter((word) => word.length >= SHORTEST_WORD);
}

/** Whether hardly anything but the word, in either direction, and digits and signs is in the password. */
function leavesLittle(text: string, word: string): boolean {
  const backwards = [...word].reverse().join('');
  const rest = text.replaceAll(word, '').replaceAll(backwards, '');
  return rest.length < text.length && rest.replace(/[^\p{L}]+/gu, '').length < LEAST_OWN;
}
