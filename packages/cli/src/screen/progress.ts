import { styleText } from 'node:util';

const COLUMNS = 24;

/** `████████░░░░  42 %  12,000 of 30,000 rows`; without a total only the count. */
export function progressLine(done: number, total: number | null, unit: string): string {
  if (total === null || total <= 0) return `${count(done)} ${unit}`;
  const share = Math.min(1, done / total);
  const full = Math.round(share * COLUMNS);
  const bar = styleText('cyan', '█'.repeat(full)) + styleText('gray', '░'.repeat(COLUMNS - full));
  return `${bar} ${String(Math.floor(share * 100)).padStart(3)} %  ${count(done)} of ${count(total)} ${unit}`;
}

export function count(value: number): string {
  return value.toLocaleString('en');
}
