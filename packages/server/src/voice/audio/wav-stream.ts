import { MusterError } from '@muster/contract';
import type { PcmChunk } from '../ports.ts';

/** What may stand in front of the sound of a WAV stream, bytes. */
const HEADER_BYTES = 65_536;
/** A writer that cannot seek back claims a size near 2 or 4 GiB (or 0): then the sound ends with the stream. */
const UNKNOWN_SIZE = 0x7000_0000;
const PCM = 1;
const EXTENSIBLE = 0xfffe;

interface Format {
  readonly channels: number;
  readonly sampleRate: number;
}

interface Header extends Format {
  /** Where the sound begins, bytes. */
  readonly start: number;
  /** Infinity when the stream does not say. */
  readonly size: number;
}

/**
 * Reads a WAV file of 16-bit PCM while it arrives; the first channel is taken. What comes behind the sound is read and
 * dropped, so that the connection can be used again. Throws PROVIDER_BROKEN when it is no such file, or ends before
 * the size that it claims.
 */
export async function* readWavStream(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<PcmChunk, void, undefined> {
  let head: Buffer = Buffer.alloc(0);
  let header: Header | null = null;
  let left = 0;
  let carry: Buffer = Buffer.alloc(0);
  for await (const piece of bytes) {
    let sound: Uint8Array = piece;
    if (header === null) {
      head = Buffer.concat([head, piece]);
      header = readHeader(head);
      if (header === null) {
        if (head.length > HEADER_BYTES) throw broken('no sound within the first 64 KiB');
        continue;
      }
      left = header.size;
      sound = head.subarray(header.start);
    }
    if (sound.length > left) sound = sound.subarray(0, left);
    left -= sound.length;
    const joined: Buffer = carry.length === 0 ? Buffer.from(sound) : Buffer.concat([carry, sound]);
    const whole = joined.length - (joined.length % (2 * header.channels));
    carry = joined.subarray(whole);
    if (whole > 0) yield { pcm: firstChannel(joined, whole, header.channels), sampleRate: header.sampleRate };
  }
  if (header === null) throw broken('no sound');
  if (left > 0 && Number.isFinite(left)) throw broken('less sound than claimed');
}

/** Reads bare 16-bit little-endian mono PCM while it arrives. */
export async function* readPcmStream(
  bytes: AsyncIterable<Uint8Array>,
  sampleRate: number,
): AsyncGenerator<PcmChunk, void, undefined> {
  let carry: Buffer = Buffer.alloc(0);
  for await (const piece of bytes) {
    const joined: Buffer = Buffer.concat([carry, piece]);
    const whole = joined.length - (joined.length % 2);
    carry = joined.subarray(whole);
    if (whole > 0) yield { pcm: firstChannel(joined, whole, 1), sampleRate };
  }
}

/** Null while the header is incomplete. */
function readHeader(bytes: Buffer): Header | null {
  if (bytes.length < 12) return null;
  if (bytes.toString('latin1', 0, 4) !== 'RIFF' || bytes.toString('latin1', 8, 12) !== 'WAVE') throw broken('no WAV');
  let format: Format | null = null;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = bytes.toString('latin1', at, at + 4);
    const size = bytes.readUInt32LE(at + 4);
    const start = at + 8;
    if (name === 'data') {
      if (format === null) throw broken('sound before its format');
      return { ...format, start, size: size === 0 || size > UNKNOWN_SIZE ? Number.POSITIVE_INFINITY : size };
    }
    if (name === 'fmt ') {
      if (bytes.length < start + 16) return null;
      format = readFormat(bytes, start);
    }
    at = start + size + (size % 2);
  }
  return null;
}

function readFormat(bytes: Buffer, at: number): Format {
  const kind = bytes.readUInt16LE(at);
  const channels = bytes.readUInt16LE(at + 2);
  const sampleRate = bytes.readUInt32LE(at + 4);
  if ((kind !== PCM && kind !== EXTENSIBLE) || bytes.readUInt16LE(at + 14) !== 16) throw broken('not 16-bit PCM');
  if (channels < 1 || channels > 8) throw broken('not 1 to 8 channels');
  if (sampleRate < 4_000 || sampleRate > 192_000) throw broken('not 4 to 192 kHz');
  return { channels, sampleRate };
}

function firstChannel(bytes: Buffer, length: number, channels: number): Int16Array {
  const pcm = new Int16Array(length / (2 * channels));
  for (let i = 0; i < pcm.length; i += 1) pcm[i] = bytes.readInt16LE(i * 2 * channels);
  return pcm;
}

function broken(why: string): MusterError {
  return new MusterError('PROVIDER_BROKEN', { why });
}
