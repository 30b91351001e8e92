import { stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type ImportReply,
  MusterError,
  type SeriesData,
  TRANSFER_FORMATS,
  type TransferFormat,
} from '@muster/contract';
import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { partsOf } from '../files/measurements.ts';
import { harmless, type Sink, standardOutput, writeWhole } from '../files/whole-file.ts';
import { readInstant } from '../instant.ts';
import { plotLines, short } from '../screen/plot.ts';
import { count, progressLine } from '../screen/progress.ts';
import { tableOf } from '../screen/terminal.ts';
import type { Api } from '../server/api.ts';
import { findDevice, findSite } from '../server/find.ts';

const device = { required: true, summary: 'its name, id, hardware id or serial number' } as const;
const span = {
  from: { kind: 'text', value: 'TIME', summary: 'a date, a date with a time, or how long ago: 30m, 24h, 90d' },
  to: { kind: 'text', value: 'TIME', summary: 'the same; default: now' },
} as const;
const format = { kind: 'text', value: 'FORMAT', summary: `${TRANSFER_FORMATS.join(' or ')}; default: csv` } as const;
const CONTENT_TYPES: Readonly<Record<TransferFormat, string>> = { csv: 'text/csv', ndjson: 'application/x-ndjson' };
const PLOT_ROWS = 8;
const MOST_COLUMNS = 120;
/** Times that a part of an import is sent again, with 1, 2, 4 … s between them. */
const AGAIN = 5;

const latest = defineCommand({
  name: 'telemetry latest',
  summary: 'Show the newest value of everything that a device measures',
  operands: { device },
  options: {},
  async run({ device: wanted }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId } = await findDevice(api, wanted);
    const { latest: values } = await api.latest(deviceId);
    if (json) return terminal.print(JSON.stringify(values));
    const rows = values.map(({ series, value, unit, at }) => [
      series,
      valueText(value),
      unit ?? '',
      new Date(at).toISOString(),
    ]);
    terminal.print(tableOf(['SERIES', 'VALUE', 'UNIT', 'MEASURED'], rows, 'It has measured nothing yet.'));
  },
});

const show = defineCommand({
  name: 'telemetry show',
  summary: 'Draw what a device measured',
  operands: {
    device,
    series: {
      required: true,
      summary: 'one series, or several with commas between them; `telemetry latest` shows which there are',
    },
  },
  options: span,
  async run({ device: wanted, series }, { from, to }, { terminal, json, signedIn }) {
    const asked = readSpan(from ?? '24h', to);
    const api = await signedIn();
    const { deviceId } = await findDevice(api, wanted);
    const points = Math.max(20, Math.min(MOST_COLUMNS, terminal.columns - 16));
    const reply = await api.telemetry(deviceId, { series, ...asked, points });
    if (json) return terminal.print(JSON.stringify(reply));
    for (const data of reply.data) for (const line of seriesLines(data, asked, points)) terminal.print(line);
  },
});

const exportCommand = defineCommand({
  name: 'telemetry export',
  summary: 'Write measurements to a file, or to standard output',
  operands: { device: { required: false, summary: 'the device; without it --site' } },
  options: {
    ...span,
    site: { kind: 'text', value: 'SITE', summary: 'every device of a site instead' },
    series: { kind: 'text', value: 'NAMES', summary: 'only these series, with commas between them' },
    format,
    out: { kind: 'text', value: 'FILE', summary: 'where to; it is there when it is whole' },
  },
  async run({ device: wanted }, { from, to, site, series, format: form, out }, context) {
    const { terminal, json } = context;
    const asked = { format: readFormat(form), ...readSpan(from ?? '24h', to) };
    if ((wanted === undefined) === (site === undefined)) throw usage('Name a device, or a site with --site.');
    if (site !== undefined && series !== undefined) throw usage('--series goes with a device.');
    const api = await context.signedIn();
    const of =
      wanted !== undefined
        ? { deviceId: (await findDevice(api, wanted)).deviceId }
        : { siteId: (await findSite(api, site ?? '')).siteId };
    const copy = (sink: Sink): Promise<number> =>
      terminal.waiting('export', (say) => download(api, of, { ...asked, series }, sink, say));
    if (out === undefined) return void (await copy(standardOutput()));
    let rows = 0;
    await writeWhole(out, async (sink) => {
      rows = await copy(sink);
    });
    if (json) terminal.print(JSON.stringify({ file: out, rows }));
    else terminal.note(`${count(rows)} rows are in ${out}.`);
  },
});

const importCommand = defineCommand({
  name: 'telemetry import',
  summary: 'Store measurements of a file as `telemetry export` writes it; again changes nothing',
  operands: { device, file: { required: true, summary: 'a CSV or NDJSON file' } },
  options: { format: { ...format, summary: `${TRANSFER_FORMATS.join(' or ')}; default: by the name of the file` } },
  async run({ device: wanted, file }, { format: form }, { terminal, json, signedIn }) {
    const asked = form === undefined && /\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : readFormat(form);
    const { size } = await stat(file);
    const api = await signedIn();
    const { deviceId } = await findDevice(api, wanted);
    const reply = await terminal.waiting('import', (say) => upload(api, deviceId, { file, format: asked, size }, say));
    if (json) terminal.print(JSON.stringify(reply));
    else {
      for (const { line, fault } of reply.faults) terminal.note(`line ${line}: ${harmless(fault)}`);
      if (reply.refused > reply.faults.length)
        terminal.note(`… and ${count(reply.refused - reply.faults.length)} more`);
      terminal.note(`${count(reply.stored)} of ${count(reply.lines)} measurements are stored.`);
    }
    if (reply.refused > 0) {
      throw new MusterError('MESSAGE_INVALID', {}, { say: `${count(reply.refused)} lines were refused.` });
    }
  },
});

export const telemetryCommands = [latest, show, exportCommand, importCommand];

async function download(
  api: Api,
  of: Parameters<Api['exportTelemetry']>[0],
  asked: Parameters<Api['exportTelemetry']>[1],
  sink: Sink,
  say: (label: string) => void,
): Promise<number> {
  const { rows, chunks } = await api.exportTelemetry(of, asked);
  // the header of CSV is no row
  let lines = asked.format === 'csv' ? -1 : 0;
  for await (const chunk of chunks) {
    for (const byte of chunk) if (byte === 0x0a) lines += 1;
    say(progressLine(Math.max(0, lines), rows, 'rows'));
    await sink.write(chunk);
  }
  return Math.max(0, lines);
}

async function upload(
  api: Api,
  deviceId: string,
  { file, format: form, size }: { readonly file: string; readonly format: TransferFormat; readonly size: number },
  say: (label: string) => void,
): Promise<ImportReply> {
  let sum: ImportReply = { lines: 0, stored: 0, refused: 0, faults: [] };
  for await (const { text, linesBefore, bytes } of partsOf(file, form)) {
    const reply = await again(() => api.importTelemetry(deviceId, CONTENT_TYPES[form], text));
    sum = {
      lines: sum.lines + reply.lines,
      stored: sum.stored + reply.stored,
      refused: sum.refused + reply.refused,
      faults: [...sum.faults, ...reply.faults.map(({ line, fault }) => ({ line: line + linesBefore, fault }))].slice(
        0,
        20,
      ),
    };
    say(progressLine(bytes, size, 'bytes'));
  }
  return sum;
}

/** What is stored already is stored once, so a part may be sent again whatever became of it. */
async function again<T>(task: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries++) {
    try {
      return await task();
    } catch (error) {
      if (!(error instanceof MusterError) || !error.retryable || tries >= AGAIN) throw error;
      await delay(1_000 * 2 ** tries);
    }
  }
}

/** A plot of numbers with what they come to; a table of anything else. */
function seriesLines(
  data: SeriesData,
  asked: { readonly from: number; readonly to: number },
  columns: number,
): string[] {
  const { series, unit, kind, resolution } = data;
  const title = `${series}${unit === null ? '' : ` [${unit}]`}`;
  if (kind !== 'number' && kind !== 'boolean') {
    const rows = (data.points ?? []).map(({ at, value }) => [new Date(at).toISOString(), valueText(value)]);
    return [title, tableOf(['MEASURED', 'VALUE'], rows, 'Nothing in this time.'), ''];
  }
  const values = columnsOf(data, asked, columns);
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return [title, 'Nothing in this time.', ''];
  const from = new Date(asked.from).toISOString();
  const to = new Date(asked.to).toISOString();
  const { least, greatest, mean, last, many } = figuresOf(data);
  return [
    title,
    ...plotLines(values, PLOT_ROWS),
    `${from} — ${to}`,
    `min ${short(least)} · mean ${short(mean)} · max ${short(greatest)} · last ${short(last)} · ${count(many)} values${resolution === 'raw' ? '' : ` (from roll-ups of ${resolution})`}`,
    '',
  ];
}

/** One value a column: the mean of what was measured in its part of the span, or null. */
function columnsOf(
  { points, buckets }: SeriesData,
  { from, to }: { readonly from: number; readonly to: number },
  columns: number,
): (number | null)[] {
  const sums = Array.from({ length: columns }, () => ({ sum: 0, many: 0 }));
  const add = (at: number, value: number, many: number): void => {
    const column = sums[Math.max(0, Math.min(columns - 1, Math.floor(((at - from) / (to - from)) * columns)))];
    if (column === undefined) return;
    column.sum += value * many;
    column.many += many;
  };
  for (const { at, value } of points ?? []) add(at, Number(value), 1);
  for (const { at, avg, count: many } of buckets ?? []) if (avg !== null) add(at, avg, many);
  return sums.map(({ sum, many }) => (many === 0 ? null : sum / many));
}

function figuresOf({ points, buckets }: SeriesData) {
  const parts = [
    ...(points ?? []).map(({ value }) => {
      const number = Number(value);
      return { least: number, greatest: number, sum: number, last: number, many: 1 };
    }),
    ...(buckets ?? []).flatMap(({ min, max, avg, last, count: many }) =>
      min === null || max === null || avg === null || last === null
        ? []
        : [{ least: min, greatest: max, sum: avg * many, last, many }],
    ),
  ];
  const many = parts.reduce((total, part) => total + part.many, 0);
  return {
    least: Math.min(...parts.map(({ least }) => least)),
    greatest: Math.max(...parts.map(({ greatest }) => greatest)),
    mean: parts.reduce((total, { sum }) => total + sum, 0) / many,
    last: parts.at(-1)?.last ?? Number.NaN,
    many,
  };
}

function valueText(value: unknown): string {
  return harmless(typeof value === 'string' ? value : JSON.stringify(value));
}

function readSpan(from: string, to: string | undefined): { readonly from: number; readonly to: number } {
  const asked = { from: readInstant(from, '--from'), to: to === undefined ? Date.now() : readInstant(to, '--to') };
  if (asked.from >= asked.to) throw usage('--from is not before --to.');
  return asked;
}

function readFormat(typed: string | undefined): TransferFormat {
  const found = TRANSFER_FORMATS.find((known) => known === (typed ?? 'csv'));
  if (found === undefined) throw usage(`--format takes ${TRANSFER_FORMATS.join(' or ')}.`);
  return found;
}
