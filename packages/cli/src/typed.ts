import { usage } from './command-line.ts';

/** Longest name of a person, a site, an assistant or a device, characters; the API refuses longer ones. */
const NAME_CHARS = 200;

/** What was typed if it can be an e-mail address. Throws USAGE. */
export function readEmail(typed: string): string {
  const email = typed.trim();
  if (email.length > 254 || !/^[^\s@]+@[^\s@]+$/.test(email)) throw usage(`"${email}" is no e-mail address.`);
  return email;
}

/** What was typed if it can be a name. `what` begins the sentence: "The name of the site". Throws USAGE. */
export function readName(typed: string, what = 'The name'): string {
  if (typed.trim() === '') throw usage(`${what} is empty.`);
  return readText(typed, what, NAME_CHARS);
}

/** What was typed if it has at most `longest` characters. Throws USAGE. */
export function readText(typed: string, what: string, longest: number): string {
  if (typed.length > longest) throw usage(`${what} has ${typed.length} characters; ${longest} is the most.`);
  return typed;
}

/** A JSON object as typed, or of a file. Throws USAGE without what stands in it: that may be a secret. */
export function readObject(typed: string, what: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(typed);
  } catch {
    throw usage(`${what} is not JSON.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw usage(`${what} is no JSON object.`);
  return { ...value };
}

/** Words with commas or blanks between them, each once. The server says which it does not take. */
export function readTags(typed: string): string[] {
  return [...new Set(typed.split(/[\s,]+/).filter((tag) => tag !== ''))];
}

/** The key of a device: hex digits, with or without blanks at the ends. Throws USAGE, without the key in it. */
export function readHexKey(typed: string): string {
  const key = typed.trim();
  if (!/^[0-9a-f]{32,128}$/i.test(key))
    throw usage('A key has 32 to 128 hex digits (0 to 9, a to f) and nothing else.');
  return key;
}
