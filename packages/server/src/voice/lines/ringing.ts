import type { Language } from '@muster/contract';
import type { Ringing } from '../reminders/index.ts';
import { lines } from './index.ts';

/** From this lateness on a reminder is told as something that happened while the person was away, ms. */
export const AWAY_MS = 60_000;

const LOCALES: Readonly<Record<Language, string>> = { en: 'en-US', vi: 'vi-VN', ar: 'ar', zh: 'zh-CN' };

/** What is spoken when a timer, alarm or reminder rings. `timeZone` is the site's. */
export function ringingLine(ringing: Ringing, language: Language, timeZone: string): string {
  const { kind, label } = ringing;
  const late = ringing.lateMs > AWAY_MS;
  const time = new Intl.DateTimeFormat(LOCALES[language], { timeZone, hour: 'numeric', minute: '2-digit' })
    .format(ringing.dueAt)
    .replace(/\s/g, ' ');
  if (label === null) return lines.say(late ? `${kind}Late` : `${kind}Rings`, language, { time });
  return lines.say(late ? `${kind}LateNamed` : `${kind}RingsNamed`, language, { time, label });
}
