import type { Language } from '@muster/contract';
import { ar } from './ar.ts';
import { en } from './en.ts';
import { vi } from './vi.ts';
import { zh } from './zh.ts';

export type LetterKind = keyof typeof en.letters;
export type Role = keyof typeof en.roles;
export type FactorChange = keyof typeof en.changes;

export interface LetterWords {
  readonly subject: string;
  readonly paragraphs: readonly string[];
  readonly button: string;
  /** What to do when it comes as a surprise. */
  readonly ignore: string;
}

/** Every letter in one language; the type is an error where one is missing. */
export interface Words {
  readonly letters: Readonly<Record<LetterKind, LetterWords>>;
  readonly roles: Readonly<Record<Role, string>>;
  readonly changes: Readonly<Record<FactorChange, string>>;
  readonly linkAsText: string;
  readonly footer: string;
}

export const words: Readonly<Record<Language, Words>> = { en, vi, ar, zh };
