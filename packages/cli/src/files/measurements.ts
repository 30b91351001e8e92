import { createReadStream } from 'node:fs';
import { MusterError, type TransferFormat } from '@muster/contract';

/** A part of a file that the server takes by itself. */
export interface FilePart {
  /** With the header in front when the file has one. */
  readonly text: string;
  /** Lines of the file before the first line of the text. */
  readonly linesBefore: number;
  /** Bytes of the file up to the end of this part. */
  readonly bytes: number;
}

/** Characters of a part: seconds even on a slow line, so that a part that fails is quickly sent again. */
const PART_CHARS = 1_000_000;

/**
 * Cuts a file between its records, and holds no more of it than a few parts. A line break within quotes is no end in CSV.
 * REQUEST_INVALID for what is no text, or no end of a record in sight.
 */
export async function* partsOf(path: string, format: TransferFormat): AsyncIterable<FilePart> {
  let header = '';
  let rest = '';
  let bytes = 0;
  let linesBefore = 0;

  const part = (text: string): FilePart => {
    // the header counts as the first line of every part
    const made = { text: header + text, linesBefore: linesBefore - lineCount(header), bytes };
    linesBefore += lineCount(text);
    return made;
  };

  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const decode = (chunk: Uint8Array): string => {
    try {
      return decoder.decode(chunk, { stream: true });
    } catch (cause) {
      throw new MusterError('REQUEST_INVALID', { path }, { cause, say: `${path} is not UTF-8.` });
    }
  };

  for await (const chunk of createReadStream(path, { highWaterMark: 262_144 })) {
    const read = chunk as Uint8Array;
    bytes += read.byteLength;
    rest += decode(read);
    if (header === '' && format === 'csv') {
      const end = rest.indexOf('\n') + 1;
      if (end === 0 && rest.length < PART_CHARS) continue;
      header = rest.slice(0, end);
      rest = rest.slice(end);
      linesBefore = lineCount(header);
    }
    if (rest.length < PART_CHARS) continue;
    const end = lastRecordEnd(rest, format);
    if (end === 0) {
      const say = `Line ${linesBefore + 1} of ${path} does not end; a quote may not close.`;
      throw new MusterError('REQUEST_INVALID', { path }, { say });
    }
    yield part(rest.slice(0, end));
    rest = rest.slice(end);
  }
  if (rest !== '' || linesBefore <= lineCount(header)) yield part(rest);
}

/** Where the last whole record ends; 0 when none does. */
function lastRecordEnd(text: string, format: TransferFormat): number {
  if (format === 'ndjson') return text.lastIndexOf('\n') + 1;
  let end = 0;
  let open = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) open = !open;
    else if (code === 0x0a && !open) end = at + 1;
  }
  return end;
}

function lineCount(text: string): number {
  let lines = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1;
  return lines;
}
