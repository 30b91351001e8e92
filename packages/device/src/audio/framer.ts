import { MICROPHONE_RATE } from './port.ts';

/** Cuts a stream of bytes (signed 16-bit little-endian at 16 kHz) into frames; one buffer is used again and again. */
export function createFramer(frameMs: number, onFrame: (pcm: Int16Array) => void): (bytes: Uint8Array) => void {
  const frame = new Int16Array((MICROPHONE_RATE * frameMs) / 1_000);
  const raw = new Uint8Array(frame.buffer);
  let filled = 0;
  return (bytes) => {
    for (let at = 0; at < bytes.byteLength; ) {
      const take = Math.min(raw.byteLength - filled, bytes.byteLength - at);
      raw.set(bytes.subarray(at, at + take), filled);
      filled += take;
      at += take;
      if (filled < raw.byteLength) continue;
      filled = 0;
      onFrame(frame);
    }
  };
}
