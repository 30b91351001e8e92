import { wallTimeAt } from '../../reminders/wall-time.ts';

/** "7:30 AM" */
export function timeOfDay(at: number, timeZone: string): string {
  return new Intl.DateTimeFormat('en-US', { timeZone, hour: 'numeric', minute: '2-digit' })
    .format(at)
    .replace(/\s/g, ' ');
}

/** "Saturday, November 21"; with the year when asked. */
export function dayOf(at: number, timeZone: string, withYear = false): string {
  return new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'long',
    month: 'long',
    day: 'numeric',
    ...(withYear ? { year: 'numeric' } : {}),
  }).format(at);
}

/** Whole days between the dates that the wall shows: 0 today, 1 tomorrow, -1 yesterday. */
export function daysAhead(at: number, now: number, timeZone: string): number {
  const date = (instant: number): number => {
    const { year, month, day } = wallTimeAt(instant, timeZone);
    return Date.UTC(year, month - 1, day) / 86_400_000;
  };
  return date(at) - date(now);
}

/** "7:30 AM", "tomorrow at 7:30 AM" or "Friday, November 27 at 7:30 AM": what follows "set for". */
export function whenOf(at: number, now: number, timeZone: string): string {
  const time = timeOfDay(at, timeZone);
  const ahead = daysAhead(at, now, timeZone);
  if (ahead === 0) return time;
  return ahead === 1 ? `tomorrow at ${time}` : `${dayOf(at, timeZone)} at ${time}`;
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
  ['second', 1],
] as const;

/** "1 hour and 5 minutes"; whole seconds. */
export function durationOf(ms: number): string {
  let left = Math.round(ms / 1_000);
  const parts: string[] = [];
  for (const [name, seconds] of UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0) parts.push(`${count} ${name}${count === 1 ? '' : 's'}`);
  }
  return listOf(parts.length === 0 ? ['0 seconds'] : parts);
}

/** "a", "a and b", "a, b and c" */
export function listOf(parts: readonly string[]): string {
  return parts.length <= 1 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}
