import { casual, type ParsedResult } from 'chrono-node/en';
import { instantOf, wallTimeAt, zoneOffsetMs } from '../../reminders/wall-time.ts';
import { DURATION, parseDuration } from './duration.ts';

/** A time that was found in a text. */
export interface Moment {
  /** Epoch ms */
  readonly at: number;
  /** The time was given as a span from now ("in 5 minutes"). */
  readonly spanMs: number | null;
  /** The text without the words of the time. */
  readonly rest: string;
}

export interface MomentOptions {
  /** Epoch ms */
  readonly now: number;
  readonly timeZone: string;
  /**
   * What "at 7" means when nothing tells morning from evening: `morning` for waking up, `next` for whichever of the two
   * comes first, `awake` for the first that is not between midnight and 6.
   */
  readonly unclear: 'morning' | 'next' | 'awake';
}

/** Hour for a day without a time, as "remind me tomorrow". */
const DAY_STARTS = 9;
const DAY_MS = 24 * 3_600_000;
const SPAN = new RegExp(`(?:^| )(?:in|after|for) (${DURATION})(?= |$)|(?:^| )(${DURATION}) from now(?= |$)`);

/** Finds a time in a text with digits for numbers, such as "call mom at 7 30 tomorrow". Null when there is none. */
export function findMoment(text: string, options: MomentOptions): Moment | null {
  const span = SPAN.exec(text);
  const spanMs = span === null ? null : parseDuration(span[1] ?? span[2] ?? '');
  if (span !== null && spanMs !== null) {
    return { at: options.now + spanMs, spanMs, rest: without(text, span.index, span[0].length) };
  }
  const clear = clockWords(text);
  const reference = { instant: new Date(options.now), timezone: zoneOffsetMs(options.now, options.timeZone) / 60_000 };
  const [best] = casual
    .parse(clear, reference, { forwardDate: true })
    .filter(isTime)
    .sort((a, b) => weight(b) - weight(a));
  if (best === undefined) return null;
  return { at: instantOfResult(best, options), spanMs: null, rest: without(clear, best.index, best.text.length) };
}

/** What the parser takes for a time and people do not mean as one: "a second", "may", "sun". */
function isTime({ text, start }: ParsedResult): boolean {
  return text.length > 3 && (start.isCertain('hour') || start.isCertain('day') || start.isCertain('weekday'));
}

function weight({ start, text }: ParsedResult): number {
  const day = start.isCertain('day') || start.isCertain('weekday');
  return (start.isCertain('hour') ? 100 : 0) + (day ? 50 : 0) + text.length;
}

/** Spoken clock times as the parser of dates knows them: "7 30" to "7:30", "half past 7" to "7:30". */
function clockWords(text: string): string {
  const two = (minute: number): string => String(minute).padStart(2, '0');
  return text
    .replace(/\b(\d{1,2}) oclock\b/g, '$1:00')
    .replace(/\bhalf past (\d{1,2})\b/g, '$1:30')
    .replace(/\bquarter past (\d{1,2})\b/g, '$1:15')
    .replace(/\bquarter to (\d{1,2})\b/g, (_, hour: string) => `${before(hour)}:45`)
    .replace(
      /\b(\d{1,2}) (?:minutes )?past (\d{1,2})\b/g,
      (_, minute: string, hour: string) => `${hour}:${two(+minute)}`,
    )
    .replace(
      /\b(\d{1,2}) (?:minutes )?to (\d{1,2})\b/g,
      (_, minute: string, hour: string) => `${before(hour)}:${two(60 - Number(minute))}`,
    )
    .replace(/\b(\d{1,2}) (?:oh|o) ([1-9])\b/g, '$1:0$2')
    .replace(/\b(1?\d|2[0-3]) ([0-5]\d)\b(?! (?:seconds?|minutes?|hours?|days?|weeks?))/g, '$1:$2')
    .replace(/\b(\d{1,2}:\d{2}|\d{1,2}) (?:in the )?(morning|afternoon|evening|night)\b/g, '$1 in the $2')
    .replace(/\b(\d{1,2}(?::\d{2})?) (?:in the morning)\b/g, '$1 am')
    .replace(/\b(\d{1,2}(?::\d{2})?) (?:in the (?:afternoon|evening)|(?:in the|at) night)\b/g, (whole, time: string) =>
      time.startsWith('12') ? whole : `${time} pm`,
    )
    .replace(/\b(\d{1,2}:\d{2}) (?=(?:tomorrow|today|this|on) )/g, 'at $1 ')
    .replace(
      /\bat ((?:at )?\d{1,2}(?::\d{2})?) (tomorrow|this|(?:on )?\w+day) (morning|afternoon|evening|night)\b/g,
      '$2 at $1 in the $3',
    )
    .replace(/\b(tomorrow|today) (\d{1,2}:\d{2})/g, '$1 at $2')
    .replace(/\bfor (?=\d{1,2}(?::\d{2}| [ap]m))/g, 'at ');
}

function before(hour: string): number {
  return (Number(hour) + 11) % 12 || 12;
}

function instantOfResult({ start, text }: ParsedResult, { now, timeZone, unclear }: MomentOptions): number {
  const today = wallTimeAt(now, timeZone);
  const hasDay = start.isCertain('day') || start.isCertain('weekday');
  const day = hasDay
    ? { year: start.get('year') ?? today.year, month: start.get('month') ?? 1, day: start.get('day') ?? 1 }
    : today;
  const minute = start.get('minute') ?? 0;
  const at = (hour: number, days: number): number => instantOf({ ...addDays(day, days), hour, minute }, timeZone);
  const hours = hoursOf(start, text, unclear);
  // With a day the first of the hours that is still to come, else the first one from now on.
  const first = hours.map((hour) => at(hour, 0)).find((instant) => instant > now);
  return first ?? at(hours[0] ?? DAY_STARTS, hasDay ? 0 : 1);
}

/** The hours that may be meant, the first choice of a day first. */
function hoursOf(start: ParsedResult['start'], text: string, unclear: MomentOptions['unclear']): readonly number[] {
  const hour = start.get('hour') ?? DAY_STARTS;
  const tells = /\b(?:morning|afternoon|evening|night|tonight|noon|midnight)\b/.test(text);
  if (!start.isCertain('hour')) return [tells ? hour : DAY_STARTS];
  if (start.isCertain('meridiem') || tells || hour === 0 || hour > 12) return [hour];
  const [morning, evening] = [hour % 12, (hour % 12) + 12];
  if (unclear === 'morning') return [morning];
  if (start.isCertain('day') || start.isCertain('weekday')) return morning >= 7 ? [morning, evening] : [evening];
  return unclear === 'awake' && morning < 6 ? [evening] : [morning, evening];
}

function addDays(
  { year, month, day }: { readonly year: number; readonly month: number; readonly day: number },
  days: number,
): { year: number; month: number; day: number } {
  const date = new Date(Date.UTC(year, month - 1, day) + days * DAY_MS);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

/** Cuts a piece out, with the preposition that led to it. */
function without(text: string, index: number, length: number): string {
  const head = text.slice(0, index).replace(/ ?\b(?:at|on|for|by|in|until)? ?$/, '');
  return `${head} ${text.slice(index + length)}`.replace(/\s+/g, ' ').trim();
}
