/** Time as a clock on the wall of a zone shows it. Months count from 1. */
export interface WallTime {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
}

/** Formatters are slow to make; there are about 600 zones, so the map is bounded by their names. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  const found = formatters.get(timeZone);
  if (found !== undefined) return found;
  const made = new Intl.DateTimeFormat('en-US', {
    timeZone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formatters.set(timeZone, made);
  return made;
}

/** What the wall shows at the instant (epoch ms). Throws RangeError for a zone that does not exist. */
export function wallTimeAt(at: number, timeZone: string): WallTime & { readonly second: number } {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(at)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return { year, month, day, hour, minute, second };
}

/** How far the zone is ahead of UTC at the instant, ms. */
export function zoneOffsetMs(at: number, timeZone: string): number {
  const { year, month, day, hour, minute, second } = wallTimeAt(at, timeZone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(at / 1_000) * 1_000;
}

/**
 * The instant (epoch ms) at which the wall shows the time. Where clocks go back it is the first of the two; where they
 * go forward over it, the time as if they had not.
 */
export function instantOf(wall: WallTime, timeZone: string): number {
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute);
  const day = 24 * 3_600_000;
  // The offset that holds there is that of a day before or of a day after: zones do not change twice within two days.
  const before = zoneOffsetMs(asUtc - day, timeZone);
  for (const offset of [before, zoneOffsetMs(asUtc + day, timeZone)]) {
    if (zoneOffsetMs(asUtc - offset, timeZone) === offset) return asUtc - offset;
  }
  return asUtc - before;
}

/** Reads `2026-11-22T07:30` (seconds are ignored, a space will do for T); null when it is no such time. */
export function parseWallTime(text: string): WallTime | null {
  const found = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::\d\d(?:\.\d+)?)?$/.exec(text.trim());
  if (found === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0] = found.slice(1).map(Number);
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute));
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60;
  return isReal ? { year, month, day, hour, minute } : null;
}

/** `2026-11-22T07:30`, as the wall of the zone shows the instant. */
export function formatWallTime(at: number, timeZone: string): string {
  const { year, month, day, hour, minute } = wallTimeAt(at, timeZone);
  const two = (value: number): string => String(value).padStart(2, '0');
  return `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}`;
}
