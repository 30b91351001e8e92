import { MusterError } from './errors.ts';

/** Sound out of a WAV file: mono signed 16-bit PCM. */
export interface Wav {
  readonly pcm: Int16Array;
  /** Hz */
  readonly sampleRate: number;
}

const PCM = 1;
const EXTENSIBLE = 0xfffe;

/**
 * Reads a RIFF/WAVE file with 16-bit PCM; several channels are mixed into one. Sizes in the file are not believed: a
 * `data` chunk that claims more than there is (a stream that was cut, or `espeak-ng --stdout`) ends with the bytes.
 * Throws AUDIO_FILE_INVALID.
 */
export function decodeWav(bytes: Uint8Array): Wav {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 12 || tag(view, 0) !== 'RIFF' || tag(view, 8) !== 'WAVE') throw invalid('no RIFF header');
  let format: { channels: number; sampleRate: number } | null = null;
  let offset = 12;
  while (offset + 8 <= bytes.byteLength) {
    const name = tag(view, offset);
    const start = offset + 8;
    const size = Math.min(view.getUint32(offset + 4, true), bytes.byteLength - start);
    if (name === 'fmt ') format = readFormat(view, start, size);
    if (name === 'data') {
      if (format === null) throw invalid('data before fmt');
      return { pcm: mixDown(view, start, size, format.channels), sampleRate: format.sampleRate };
    }
    offset = start + size + (size % 2);
  }
  throw invalid('no data chunk');
}

/** A WAV file of mono 16-bit PCM. */
export function encodeWav(pcm: Int16Array, sampleRate: number): Uint8Array {
  const bytes = new Uint8Array(44 + pcm.length * 2);
  const view = new DataView(bytes.buffer);
  writeTag(view, 0, 'RIFF');
  view.setUint32(4, 36 + pcm.length * 2, true);
  writeTag(view, 8, 'WAVE');
  writeTag(view, 12, 'fmt ');
  view.setUint32(16, 16, true);
  view.setUint16(20, PCM, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * 2, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  writeTag(view, 36, 'data');
  view.setUint32(40, pcm.length * 2, true);
  for (let i = 0; i < pcm.length; i++) view.setInt16(44 + i * 2, pcm[i] ?? 0, true);
  return bytes;
}

/**
 * Changes the rate of speech by averaging (downwards) or linear interpolation (upwards): good enough for words, not
 * for music. Returns the same array when the rates are equal.
 */
export function resample(pcm: Int16Array, from: number, to: number): Int16Array {
  if (from === to) return pcm;
  const step = from / to;
  const out = new Int16Array(Math.floor(pcm.length / step));
  for (let i = 0; i < out.length; i++) {
    const at = i * step;
    const first = Math.floor(at);
    if (step > 1) {
      const end = Math.min(pcm.length, Math.max(first + 1, Math.floor(at + step)));
      let sum = 0;
      for (let j = first; j < end; j++) sum += pcm[j] ?? 0;
      out[i] = sum / (end - first);
    } else {
      const here = pcm[first] ?? 0;
      out[i] = here + ((pcm[first + 1] ?? here) - here) * (at - first);
    }
  }
  return out;
}

function readFormat(view: DataView, start: number, size: number): { channels: number; sampleRate: number } {
  if (size < 16) throw invalid('fmt chunk too short');
  const kind = view.getUint16(start, true);
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  if (kind !== PCM && kind !== EXTENSIBLE) throw invalid('not PCM');
  if (view.getUint16(start + 14, true) !== 16) throw invalid('not 16 bits a sample');
  if (channels < 1 || channels > 8) throw invalid('1 to 8 channels are read');
  if (sampleRate < 4_000 || sampleRate > 192_000) throw invalid('4 to 192 kHz are read');
  return { channels, sampleRate };
}

function mixDown(view: DataView, start: number, size: number, channels: number): Int16Array {
  const pcm = new Int16Array(Math.floor(size / (2 * channels)));
  for (let i = 0; i < pcm.length; i++) {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += view.getInt16(start + (i * channels + c) * 2, true);
    pcm[i] = sum / channels;
  }
  return pcm;
}

function tag(view: DataView, offset: number): string {
  return String.fromCharCode(
    view.getUint8(offset),
    view.getUint8(offset + 1),
    view.getUint8(offset + 2),
    view.getUint8(offset + 3),
  );
}

function writeTag(view: DataView, offset: number, name: string): void {
  for (let i = 0; i < 4; i++) view.setUint8(offset + i, name.charCodeAt(i));
}

function invalid(why: string): MusterError {
  return new MusterError('AUDIO_FILE_INVALID', { why });
}
