import { SeriesName } from '@muster/contract';
import { Type } from 'typebox';

/** Longest span of a rule, ms: 30 days. What it counts within has to be kept. */
const LONGEST_MS = 30 * 24 * 3_600_000;

/** A span in ms; `least` is 0 for spans that may be nothing. */
export function span(description: string, standard: number, least = 1_000) {
  return Type.Integer({ minimum: least, maximum: LONGEST_MS, default: standard, description: `${description}, ms` });
}

export const series = Type.String({ ...SeriesName, description: 'The series that is watched' });

/** 90 s as `90 s`, 300,000 ms as `5 min`: for people. */
export function told(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.round(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.round(hours / 24)} days`;
}

/** A number with at most four figures that matter. */
export function figure(value: number): string {
  return String(Number(value.toPrecision(4)));
}
