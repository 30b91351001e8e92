import { usage } from './command-line.ts';

/** One line of a table: its number in the file, and its cells by the names of the first line. */
export interface CsvLine {
  readonly line: number;
  readonly cells: Readonly<Record<string, string>>;
}

/**
 * A table as RFC 4180 writes it: names in the first line, cells with commas in quotes. Empty lines are passed over.
 * Throws USAGE with the line, without what stands in it: that may be a secret.
 */
export function readCsv(text: string): CsvLine[] {
  const rows = text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .map((row, index) => ({ line: index + 1, row }))
    .filter(({ row }) => row.trim() !== '');
  const [first, ...rest] = rows;
  if (first === undefined) throw usage('The file is empty.');
  const names = cellsOf(first.row, first.line).map((name) => name.trim().toLowerCase());
  return rest.map(({ line, row }) => {
    const cells = cellsOf(row, line);
    if (cells.length !== names.length) throw usage(`Line ${line} has ${cells.length} cells, not ${names.length}.`);
    return { line, cells: Object.fromEntries(names.map((name, at) => [name, cells[at] ?? ''])) };
  });
}

function cellsOf(row: string, line: number): string[] {
  const cells: string[] = [];
  for (let at = 0; at <= row.length; ) {
    const cell = /"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)/y;
    cell.lastIndex = at;
    const found = cell.exec(row);
    if (found === null) throw usage(`Line ${line} has a quote that does not close a cell.`);
    cells.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    at = cell.lastIndex + 1;
  }
  return cells;
}
