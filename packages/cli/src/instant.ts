import { usage } from './command-line.ts';

const SPANS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * An instant as typed, epoch ms: a date, a date with its time (of this computer's zone, unless it names one), epoch ms, or
 * how long ago: `30m`, `24h`, `90d`. Throws USAGE.
 */
export function readInstant(typed: string, option: string, now = Date.now()): number {
  const ago = /^(\d{1,6})([mhd])$/.exec(typed);
  if (ago !== null) return now - Number(ago[1]) * (SPANS[ago[2] ?? ''] ?? 0);
  if (/^\d{12,14}$/.test(typed)) return Number(typed);
  const date = /^\d{4}-\d\d-\d\d$/.test(typed) ? `${typed}T00:00` : typed;
  const at = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(date) ? Date.parse(date.replace(' ', 'T')) : Number.NaN;
  if (Number.isNaN(at)) throw usage(`${option} takes a date, a date with a time, or how long ago (24h, 7d).`);
  return at;
}

/** An instant for people: `2026-11-27 06:53:34` in the time zone of this computer, and as `readInstant` takes it. */
export function instantText(at: number): string {
  // Sweden writes the year first
  return new Date(at).toLocaleString('sv');
}
