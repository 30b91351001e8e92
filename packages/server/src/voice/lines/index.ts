import type { Language } from '@muster/contract';
import { ar } from './ar.ts';
import { en } from './en.ts';
import { vi } from './vi.ts';
import { zh } from './zh.ts';

/** Everything that the server itself says, in one language; the type is an error where a line is missing. */
export type Lines = Readonly<Record<keyof typeof en, string>>;
export type LineKey = keyof Lines;

type Placeholder<Text> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Placeholder<Rest> : never;
type Params<Key extends LineKey> = Placeholder<(typeof en)[Key]>;
type Arguments<Key extends LineKey> = [Params<Key>] extends [never]
  ? []
  : [params: Readonly<Record<Params<Key>, string>>];

export const lineTables: Readonly<Record<Language, Lines>> = { en, vi, ar, zh };

/** The line in the language, its placeholders filled: `lines.say('activation', 'vi', { code: spaced('123456') })`. */
function say<Key extends LineKey>(key: Key, language: Language, ...[params]: Arguments<Key>): string {
  const values: Readonly<Record<string, string>> = params ?? {};
  return lineTables[language][key].replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}

export const lines = { say };

/** A code with its characters apart, so that speech reads them one by one: `123456` becomes `1 2 3 4 5 6`. */
export function spaced(code: string): string {
  return [...code].join(' ');
}
