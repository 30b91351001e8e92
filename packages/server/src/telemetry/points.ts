import { kindOf, LIMITS, MusterError, type PointValue, type TelemetryMessage, type ValueKind } from '@muster/contract';

/** A device as its connection knows it. */
export interface Source {
  readonly deviceId: string;
  readonly siteId: string;
}

/** One value of one series, checked. */
export interface Point {
  readonly series: string;
  readonly kind: ValueKind;
  readonly at: number;
  readonly value: PointValue;
}

/** What a series may be called: SeriesName of the contract. */
export const SERIES_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,63}$/;

/**
 * The points of a message. A message is taken whole or not at all: MESSAGE_INVALID, TIME_IMPOSSIBLE (later than the
 * server's clock by more than LIMITS.futureMs, or before `oldest`). Times are never altered; a point without one was
 * measured when it came.
 */
export function pointsOf(message: TelemetryMessage, now: number, oldest: number): Point[] {
  const points: Point[] = [];
  if (message.values !== undefined) add(points, message.values, message.at ?? now, now, oldest);
  for (const { at, values } of message.points ?? []) add(points, values, at ?? message.at ?? now, now, oldest);
  if (points.length === 0) throw invalid('The message has no values: give "values" or "points".');
  return points;
}

function add(
  points: Point[],
  values: Readonly<Record<string, unknown>>,
  at: number,
  now: number,
  oldest: number,
): void {
  if (at > now + LIMITS.futureMs || at < oldest) {
    const say =
      at < oldest
        ? `The time ${at} is older than what the site keeps. Is the device's clock set, and in milliseconds?`
        : `The time ${at} is ${Math.round((at - now) / 1_000)} s in the future. Set the device's clock (see devices/me/time/get).`;
    throw new MusterError('TIME_IMPOSSIBLE', { at, now }, { say });
  }
  for (const series in values) {
    const value = values[series];
    if (!SERIES_NAME.test(series)) throw invalid(`"${series.slice(0, 80)}" is no name of a series.`);
    const kind = kindOf(value);
    if (kind === null) throw invalid(`The value of ${series} is no number, boolean, string or object.`);
    if (kind === 'number' && Math.abs(value as number) > LIMITS.pointNumber) {
      throw invalid(`The number of ${series} is beyond ${LIMITS.pointNumber}.`);
    }
    if (kind === 'string') {
      if ((value as string).length > LIMITS.pointStringChars) {
        throw invalid(`The text of ${series} is longer than ${LIMITS.pointStringChars} characters.`);
      }
      if (!isStorable(JSON.stringify(value))) throw invalid(`The text of ${series} has a character that is none.`);
    }
    if (kind === 'object') checkObject(value, series);
    points.push({ series, kind, at, value: value as PointValue });
  }
}

/** MESSAGE_INVALID for an object that is too large, or holds text that cannot be stored. */
export function checkObject(value: unknown, name: string): void {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > LIMITS.pointObjectBytes) {
    throw invalid(`The object of ${name} is larger than ${LIMITS.pointObjectBytes} bytes.`);
  }
  if (!isStorable(text)) throw invalid(`A text in the object of ${name} has a character that is none.`);
}

/** PostgreSQL stores neither U+0000 nor halves of a surrogate pair, which JSON.stringify writes as escapes. */
function isStorable(json: string): boolean {
  return !/(?:^|[^\\])(?:\\\\)*\\u(?:0000|d[89a-f][0-9a-f]{2})/.test(json);
}

function invalid(say: string): MusterError {
  return new MusterError('MESSAGE_INVALID', {}, { say });
}
