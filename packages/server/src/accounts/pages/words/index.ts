import type { Language } from '@muster/contract';
import { ar } from './ar.ts';
import { en, type PageWords } from './en.ts';
import { vi } from './vi.ts';
import { zh } from './zh.ts';

export type { PageWords } from './en.ts';
export const words: Readonly<Record<Language, PageWords>> = { en, vi, ar, zh };
