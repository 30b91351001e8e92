import { MusterError } from '@muster/contract';

/** One record of a file: the cells of CSV, or a line of NDJSON as its only cell. */
export interface FileRecord {
  /** Of its first character; the first line of the file is 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Longest record, characters: an object of the largest size with every character quoted. */
const MOST_CHARS = 65_536;

/**
 * Cuts bytes into records as they come, with no more than one record in memory. REQUEST_INVALID with the line: no UTF-8,
 * a record that is too long, quotes that do not close.
 */
export async function* readRecords(
  bytes: AsyncIterable<Uint8Array>,
  format: 'csv' | 'ndjson',
): AsyncIterable<FileRecord> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let rest = '';
  let line = 1;

  const decode = (chunk: Uint8Array | null): string => {
    try {
      return chunk === null ? decoder.decode() : decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw broken(line, 'is not UTF-8', cause);
    }
  };

  function* cut(text: string, isLast: boolean): Iterable<FileRecord> {
    let from = 0;
    let looked = 0;
    let lines = 0;
    let open = false;
    for (;;) {
      const newline = text.indexOf('\n', looked);
      if (newline < 0 && !isLast) break;
      const end = newline < 0 ? text.length : newline;
      if (end - from > MOST_CHARS) throw broken(line, `is longer than ${MOST_CHARS} characters`);
      lines += 1;
      if (format === 'csv' && hasOddQuotes(text, looked, end)) open = !open;
      looked = end + 1;
      // the line ends within quotes: the record goes on
      if (open && newline >= 0) continue;
      if (open) throw broken(line, 'has a quote that does not close');
      const record = text.slice(from, text[end - 1] === '\r' && end > from ? end - 1 : end);
      if (record !== '') yield { line, cells: format === 'csv' ? cellsOf(record, line) : [record] };
      line += lines;
      lines = 0;
      from = looked;
      if (newline < 0) break;
    }
    rest = text.slice(Math.min(from, text.length));
    if (rest.length > MOST_CHARS) throw broken(line, `is longer than ${MOST_CHARS} characters`);
  }

  for await (const chunk of bytes) yield* cut(rest + decode(chunk), false);
  yield* cut(rest + decode(null), true);
}

/** Quotes come in pairs, but for those of a cell that goes on in the next line. */
function hasOddQuotes(text: string, from: number, to: number): boolean {
  let odd = false;
  for (let at = text.indexOf('"', from); at >= 0 && at < to; at = text.indexOf('"', at + 1)) odd = !odd;
  return odd;
}

/** RFC 4180. */
function cellsOf(record: string, line: number): string[] {
  if (!record.includes('"')) return record.split(',');
  const cells: string[] = [];
  let at = 0;
  for (;;) {
    if (record[at] === '"') {
      let text = '';
      for (;;) {
        const quote = record.indexOf('"', at + 1);
        if (quote < 0) throw broken(line, 'has a quote that does not close');
        text += record.slice(at + 1, quote);
        at = quote + 1;
        if (record[at] !== '"') break;
        text += '"';
      }
      if (at < record.length && record[at] !== ',') throw broken(line, 'has text after a closing quote');
      cells.push(text);
    } else {
      const comma = record.indexOf(',', at);
      const end = comma < 0 ? record.length : comma;
      cells.push(record.slice(at, end));
      at = end;
    }
    if (at >= record.length) return cells;
    at += 1;
  }
}

function broken(line: number, what: string, cause?: unknown): MusterError {
  return new MusterError('REQUEST_INVALID', { line }, { say: `Line ${line} ${what}.`, cause });
}
