import { LIMITS, MusterError, type PointValue, TRANSFER_COLUMNS, type ValueKind } from '@muster/contract';
import { csvCell, withoutCsvGuard } from '../../platform/csv.ts';
import { isDeeper } from '../../platform/json-depth.ts';

/** One measurement on its way out. */
export interface OutRow {
  readonly at: number;
  readonly series: string;
  readonly kind: ValueKind;
  readonly value: PointValue;
  readonly seq: number;
  readonly unit: string | null;
}

/** One measurement on its way in, not checked against its series yet. */
export interface InRow {
  readonly at: number;
  readonly series: string;
  readonly value: PointValue;
  readonly seq: number;
}

// --- out -----------------------------------------------------------------------------------------------------------

export function csvHeader(ofSite: boolean): string {
  return `${[...(ofSite ? ['deviceId'] : []), ...TRANSFER_COLUMNS].join(',')}\r\n`;
}

/** `deviceId` in front when the file is of a whole site. */
export function csvLine({ at, series, kind, value, seq, unit }: OutRow, deviceId: string | null): string {
  const cells = [String(at), series, kind, valueCell(kind, value), String(seq), csvCell(unit ?? '')];
  return `${deviceId === null ? '' : `${deviceId},`}${cells.join(',')}\r\n`;
}

export function ndjsonLine({ at, series, kind, value, seq, unit }: OutRow, deviceId: string | null): string {
  return `${JSON.stringify({ ...(deviceId === null ? {} : { deviceId }), at, series, kind, value, seq, unit })}\n`;
}

function valueCell(kind: ValueKind, value: PointValue): string {
  if (kind === 'string') return csvCell(String(value), true);
  return kind === 'number' || kind === 'boolean' ? String(value) : csvCell(JSON.stringify(value));
}

// --- in ------------------------------------------------------------------------------------------------------------

/** Which column stands where. */
export type CsvColumns = Readonly<Record<'at' | 'series' | 'value', number>> &
  Readonly<Record<'kind' | 'seq' | 'deviceId', number | null>>;

/** REQUEST_INVALID when `at`, `series` or `value` is missing. Columns that we do not know are left alone. */
export function readCsvHeader(cells: readonly string[]): CsvColumns {
  const where = (name: string): number | null => {
    const index = cells.findIndex((one) => one.trim() === name);
    return index < 0 ? null : index;
  };
  const needed = (name: string): number => {
    const index = where(name);
    if (index !== null) return index;
    const say = `The first line names no column "${name}"; the columns are ${TRANSFER_COLUMNS.join(',')}.`;
    throw new MusterError('REQUEST_INVALID', {}, { say });
  };
  return {
    at: needed('at'),
    series: needed('series'),
    value: needed('value'),
    kind: where('kind'),
    seq: where('seq'),
    deviceId: where('deviceId'),
  };
}

/**
 * A row of cells. MESSAGE_INVALID says what is wrong with it. A value without a kind is of the kind of its series; of an
 * unknown series it is a number or a boolean when it reads like one, else a text.
 */
export function readCsvRow(
  cells: readonly string[],
  columns: CsvColumns,
  deviceId: string,
  kindOf: (series: string) => ValueKind | undefined,
): InRow {
  const at = (index: number | null): string => (index === null ? '' : (cells[index] ?? ''));
  ownDevice(at(columns.deviceId), deviceId);
  const series = at(columns.series);
  const kind = at(columns.kind) || kindOf(series);
  return {
    at: readInstant(at(columns.at)),
    series,
    value: readValueCell(at(columns.value), kind),
    seq: readSeq(at(columns.seq) || 0),
  };
}

/** A line of NDJSON; MESSAGE_INVALID says what is wrong with it. */
export function readNdjsonRow(line: string, deviceId: string): InRow {
  const row = parseJson(line) as Readonly<Record<string, unknown>> | null;
  if (typeof row !== 'object' || row === null || Array.isArray(row)) throw invalid('The line is no JSON object.');
  ownDevice(row.deviceId ?? '', deviceId);
  if (typeof row.series !== 'string') throw invalid('The line has no "series".');
  if (!Object.hasOwn(row, 'value')) throw invalid('The line has no "value".');
  const at = typeof row.at === 'number' ? String(row.at) : row.at;
  if (typeof at !== 'string') throw invalid('The line has no "at".');
  return { at: readInstant(at), series: row.series, value: row.value as PointValue, seq: readSeq(row.seq ?? 0) };
}

/** Digits without leading zeros and a zone at the end: what Date.parse reads the same everywhere. */
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

function readInstant(text: string): number {
  const at = /^\d{1,16}$/.test(text) ? Number(text) : ISO.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isSafeInteger(at)) return at;
  throw invalid(`"${text.slice(0, 40)}" is no time: give epoch ms, or ISO 8601 with its zone.`);
}

function readSeq(value: unknown): number {
  const seq = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  if (typeof seq === 'number' && Number.isSafeInteger(seq) && seq >= 0) return seq;
  throw invalid('The "seq" is no whole number from 0 on.');
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?$/;

function readValueCell(text: string, kind: string | undefined): PointValue {
  switch (kind) {
    case 'number':
      return readNumber(text);
    case 'boolean':
      if (text === 'true' || text === 'false') return text === 'true';
      throw invalid(`"${text.slice(0, 40)}" is neither true nor false.`);
    case 'string':
      return withoutCsvGuard(text);
    case 'object':
    case 'position':
      return parseJson(withoutCsvGuard(text)) as PointValue;
    case undefined:
      if (text === '') throw invalid('There is no value.');
      if (text === 'true' || text === 'false') return text === 'true';
      return NUMBER.test(text) ? readNumber(text) : withoutCsvGuard(text);
    default:
      throw invalid(`"${kind.slice(0, 40)}" is no kind of a value.`);
  }
}

function readNumber(text: string): number {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (Number.isFinite(value)) return value;
  throw invalid(`"${text.slice(0, 40)}" is no number.`);
}

function parseJson(text: string): unknown {
  if (isDeeper(Buffer.from(text), LIMITS.jsonDepth)) throw new MusterError('MESSAGE_TOO_DEEP');
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MusterError('MESSAGE_INVALID', {}, { cause, say: 'This is no JSON.' });
  }
}

function ownDevice(named: unknown, deviceId: string): void {
  if (named !== '' && named !== deviceId) throw invalid('The line is of another device.');
}

function invalid(say: string): MusterError {
  return new MusterError('MESSAGE_INVALID', {}, { say });
}
