import { type ImportReply, LIMITS, MusterError, type TransferFormat, type ValueKind } from '@muster/contract';
import { type FileRecord, readRecords } from './records.ts';
import { type CsvColumns, type InRow, readCsvHeader, readCsvRow, readNdjsonRow } from './rows.ts';

/** Stores rows together; gives a fault for each that was refused, null for the others. Rejects when none was stored. */
export type StoreRows = (rows: readonly InRow[]) => Promise<readonly (string | null)[]>;

const MOST_FAULTS = 20;

/**
 * Stores the measurements of a file as it comes. A line that is refused is named, and the others are stored; what is
 * stored already is stored once. REQUEST_INVALID for a file that is none (no header, no UTF-8), REQUEST_TOO_LARGE past
 * LIMITS.importBytes, and the codes with which measurements are refused to be sent again. What was stored until then
 * stays.
 */
export async function importFile(
  bytes: AsyncIterable<Uint8Array>,
  format: TransferFormat,
  deps: {
    readonly deviceId: string;
    readonly kindOf: (series: string) => ValueKind | undefined;
    readonly store: StoreRows;
    /** Rows that are stored together. */
    readonly together: number;
  },
): Promise<ImportReply> {
  const { deviceId, kindOf, store, together } = deps;
  const faults: { line: number; fault: string }[] = [];
  let lines = 0;
  let stored = 0;
  let refused = 0;
  let waiting: { readonly line: number; readonly row: InRow }[] = [];
  let columns: CsvColumns | null = null;

  function refuse(line: number, fault: string): void {
    refused += 1;
    if (faults.length < MOST_FAULTS) faults.push({ line, fault });
  }

  async function flush(): Promise<void> {
    if (waiting.length === 0) return;
    const some = waiting;
    waiting = [];
    const results = await store(some.map(({ row }) => row));
    for (const [nth, { line }] of some.entries()) {
      const fault = results[nth] ?? null;
      if (fault === null) stored += 1;
      else refuse(line, fault);
    }
  }

  function read({ cells }: FileRecord): InRow {
    return columns === null ? readNdjsonRow(cells[0] ?? '', deviceId) : readCsvRow(cells, columns, deviceId, kindOf);
  }

  for await (const record of readRecords(bounded(bytes), format)) {
    if (format === 'csv' && columns === null) {
      columns = readCsvHeader(record.cells);
      continue;
    }
    lines += 1;
    try {
      waiting.push({ line: record.line, row: read(record) });
    } catch (error) {
      if (!(error instanceof MusterError)) throw error;
      refuse(record.line, error.message);
    }
    if (waiting.length >= together) await flush();
  }
  await flush();
  faults.sort((a, b) => a.line - b.line);
  return { lines, stored, refused, faults };
}

async function* bounded(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let size = 0;
  for await (const chunk of bytes) {
    size += chunk.byteLength;
    if (size > LIMITS.importBytes) throw new MusterError('REQUEST_TOO_LARGE', { limit: LIMITS.importBytes });
    yield chunk;
  }
}
