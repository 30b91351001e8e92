import { styleText } from 'node:util';

const EIGHTHS = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** One column a value, `rows` high, with the greatest and the least at the side. Null is a gap, and stays empty. */
export function plotLines(values: readonly (number | null)[], rows: number): string[] {
  const known = values.filter((value) => value !== null);
  const least = Math.min(...known);
  const greatest = Math.max(...known);
  const labelOf = (row: number): string => {
    // a flat line has one label, where it stands
    if (greatest === least) return row === Math.floor(rows / 2) ? short(least) : '';
    return row === 0 ? short(greatest) : row === rows - 1 ? short(least) : '';
  };
  const labels = Array.from({ length: rows }, (_, row) => labelOf(row));
  const width = Math.max(...labels.map(({ length }) => length));
  return labels.map((label, row) => {
    const below = (rows - 1 - row) * 8;
    const cells = values.map((value) => {
      const filled = eighths(value, least, greatest, rows) - below;
      return EIGHTHS[Math.max(0, Math.min(8, filled))] ?? ' ';
    });
    return `${styleText('gray', `${label.padStart(width)} ┤`)}${styleText('cyan', cells.join('').trimEnd())}`;
  });
}

/** Height of a value in eighths of a row, at least one; a flat line stands in the middle. */
function eighths(value: number | null, least: number, greatest: number, rows: number): number {
  if (value === null) return 0;
  const share = greatest === least ? 0.5 : (value - least) / (greatest - least);
  return Math.max(1, Math.round(share * rows * 8));
}

/** A number in few characters. */
export function short(value: number): string {
  return String(Number(value.toPrecision(6)));
}
