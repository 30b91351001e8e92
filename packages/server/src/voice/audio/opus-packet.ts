import { LIMITS, MusterError } from '@muster/contract';

/** Frame lengths of the 32 configurations, ms (RFC 6716, table 2). */
const FRAME_MS: readonly number[] = Array.from({ length: 32 }, (_, config) => {
  if (config < 12) return [10, 20, 40, 60][config % 4] ?? 0;
  if (config < 16) return [10, 20][config % 2] ?? 0;
  return [2.5, 5, 10, 20][config % 4] ?? 0;
});

/** Longest compressed frame, bytes (RFC 6716, requirement R2). */
const FRAME_BYTES = 1_275;

/**
 * How long the sound in an Opus packet lasts, 2.5 to 120 ms, after its framing was checked against the requirements
 * R1 to R7 of RFC 6716, section 3.4. The bits inside a frame cannot be wrong: any are some sound.
 * Throws AUDIO_MALFORMED.
 */
export function opusPacketMs(packet: Uint8Array): number {
  const toc = packet[0];
  if (toc === undefined) throw malformed('empty');
  if (packet.length > LIMITS.audioFrameBytes) throw malformed('too long');
  const frameMs = FRAME_MS[toc >> 3] ?? 0;
  const code = toc & 3;
  if (code === 3) return severalFrames(packet, frameMs);
  const rest = packet.length - 1;
  if (code === 0) {
    checkFrame(rest);
    return frameMs;
  }
  if (code === 1) {
    if (rest % 2 === 1) throw malformed('two frames of unequal length');
    checkFrame(rest / 2);
  } else {
    const first = readLength(packet, 1);
    checkFrame(rest - first.bytes - first.length);
  }
  return 2 * frameMs;
}

/** Code 3: a count, optional padding, and frames of one length or each with its own. */
function severalFrames(packet: Uint8Array, frameMs: number): number {
  const header = packet[1];
  if (header === undefined) throw malformed('no frame count');
  const count = header & 0x3f;
  const durationMs = count * frameMs;
  if (count === 0) throw malformed('no frames');
  if (durationMs > LIMITS.opusPacketMs) throw malformed('longer than 120 ms');
  let at = 2;
  let padding = 0;
  if ((header & 0x40) !== 0) {
    let byte: number | undefined = 255;
    while (byte === 255) {
      byte = packet[at];
      if (byte === undefined) throw malformed('padding without end');
      padding += byte === 255 ? 254 : byte;
      at += 1;
    }
  }
  if ((header & 0x80) === 0) {
    const rest = packet.length - at - padding;
    if (rest < 0 || rest % count !== 0) throw malformed('frames of unequal length');
    checkFrame(rest / count);
    return durationMs;
  }
  let lengths = 0;
  for (let frame = 1; frame < count; frame += 1) {
    const { length, bytes } = readLength(packet, at);
    at += bytes;
    lengths += length;
  }
  checkFrame(packet.length - at - padding - lengths);
  return durationMs;
}

/** One or two bytes that say how long a frame is (RFC 6716, section 3.2.1). */
function readLength(packet: Uint8Array, at: number): { length: number; bytes: number } {
  const first = packet[at];
  if (first === undefined) throw malformed('no frame length');
  if (first < 252) return { length: first, bytes: 1 };
  const second = packet[at + 1];
  if (second === undefined) throw malformed('half a frame length');
  return { length: second * 4 + first, bytes: 2 };
}

function checkFrame(length: number): void {
  if (length < 0) throw malformed('frames longer than the packet');
  if (length > FRAME_BYTES) throw malformed('frame longer than 1275 bytes');
}

function malformed(why: string): MusterError {
  return new MusterError('AUDIO_MALFORMED', { why });
}
