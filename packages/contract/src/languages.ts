import { Type } from 'typebox';

/** Languages in which Muster itself has words. */
export const LANGUAGES = ['en', 'vi', 'ar', 'zh'] as const;
export type Language = (typeof LANGUAGES)[number];
export const LanguageSchema = Type.Unsafe<Language>(
  Type.String({ enum: [...LANGUAGES], description: 'A language that Muster itself speaks' }),
);

/** The language of a tag such as `zh-CN`, or `en` when Muster has no words in it. */
export function languageOf(tag: string | undefined): Language {
  const primary = tag?.trim().slice(0, 2).toLowerCase();
  return LANGUAGES.find((language) => language === primary) ?? 'en';
}
