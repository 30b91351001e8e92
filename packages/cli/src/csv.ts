import { usage } from './command-line.ts';

/** One line of a table: its number in the file, and its cells by the names of the first line. */
export interface CsvLine {
  readonly line: number;
  readonly cells: Readonly<Record<string, string>>;
}

/**
 * A table as RFC 4180 writes it: names in the first line; cells with commas, quotes or line breaks in quotes. Empty lines
 * are passed over, and the apostrophe goes that our exports put in front of what looks like a formula. Throws USAGE with
 * the line, without what stands in it: that may be a secret.
 */
export function readCsv(text: string): CsvLine[] {
  const [first, ...rest] = rowsOf(text.replace(/^\ufeff/, ''));
  if (first === undefined) throw usage('The file is empty.');
  const names = first.cells.map((name) => name.trim().toLowerCase());
  return rest.map(({ line, cells }) => {
    if (cells.length !== names.length) throw usage(`Line ${line} has ${cells.length} cells, not ${names.length}.`);
    return { line, cells: Object.fromEntries(names.map((name, at) => [name, withoutGuard(cells[at] ?? '')])) };
  });
}

const withoutGuard = (cell: string): string => cell.replace(/^'(?='*[=+\-@\t\r\n＝＋－＠])/, '');

interface Row {
  /** Where it begins. */
  readonly line: number;
  readonly cells: string[];
}

function rowsOf(text: string): Row[] {
  const rows: Row[] = [];
  let line = 1;
  let row: Row = { line, cells: [] };
  for (let at = 0; at < text.length; ) {
    const cell = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/y;
    cell.lastIndex = at;
    const found = cell.exec(text);
    if (found === null) throw usage(`Line ${line} has a quote that does not close a cell.`);
    const [whole, quoted, plain = '', end] = found;
    row.cells.push(quoted?.replaceAll('""', '"') ?? plain);
    at += whole.length;
    line += whole.split('\n').length - 1;
    if (end === ',' && at < text.length) continue;
    // a comma at the very end stands before an empty cell
    if (end === ',') row.cells.push('');
    if (row.cells.length > 1 || row.cells[0]?.trim() !== '') rows.push(row);
    row = { line, cells: [] };
  }
  return rows;
}
