import { Decoder, Encoder } from '@evan/opus';
import { MICROPHONE_RATE, SPEAKER_RATE } from './port.ts';

/** Opus as the firmware sends it: variable rate, DTX, lowest complexity (xiaozhi-esp32 2.4.2). */
export function createEncoder(): (pcm: Int16Array) => Uint8Array {
  const encoder = new Encoder({ channels: 1, sample_rate: MICROPHONE_RATE, application: 'audio' });
  encoder.complexity = 0;
  encoder.dtx = true;
  encoder.signal = 'voice';
  return (pcm) => encoder.encode(pcm);
}

/** Any Opus packet to PCM at 24 kHz; null for bytes that are not Opus. */
export function createDecoder(): { decode(packet: Uint8Array): Int16Array | null; reset(): void } {
  const decoder = new Decoder({ channels: 1, sample_rate: SPEAKER_RATE });
  return {
    decode(packet) {
      try {
        const bytes = decoder.decode(packet);
        return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 1);
      } catch {
        // libopus names no more than "invalid packet"; the caller counts
        return null;
      }
    },
    reset: () => decoder.reset(),
  };
}
