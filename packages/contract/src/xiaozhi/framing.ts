import { MusterError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/**
 * Binary framing of the Xiaozhi protocol, big-endian (xiaozhi-esp32 2.4.2, `websocket_protocol.cc`).
 *
 * - 1: the frame is the Opus packet.
 * - 2: `u16 version=2 | u16 type (0 opus, 1 json) | u32 reserved | u32 timestampMs | u32 payloadSize | payload`
 * - 3: `u8 type=0 | u8 reserved | u16 payloadSize | payload`
 *
 * The firmware trusts `payloadSize` without a check, so it is always written from the payload itself, and a frame
 * from a device whose header lies about it is refused.
 */
export type FramingVersion = 1 | 2 | 3;

export interface AudioFrame {
  /** One Opus packet. A view into the bytes given, not a copy. */
  readonly payload: Uint8Array;
  /** Version 2 only: the timestamp of the last packet the device played, ms; 0 otherwise. */
  readonly timestampMs: number;
}

const V2_HEADER = 16;
const V3_HEADER = 4;

/** The framing that a `Protocol-Version` header or hello asks for; 1 for anything unknown, as the firmware does. */
export function framingVersion(asked: unknown): FramingVersion {
  const number = typeof asked === 'string' ? Number.parseInt(asked, 10) : asked;
  return number === 2 || number === 3 ? number : 1;
}

/** Puts one Opus packet into a frame. Throws FRAME_TOO_LARGE when the payload does not fit the header. */
export function encodeFrame(version: FramingVersion, payload: Uint8Array, timestampMs = 0): Uint8Array {
  if (version === 1) return payload;
  if (version === 3 && payload.byteLength > 0xffff) {
    throw new MusterError('FRAME_TOO_LARGE', { bytes: payload.byteLength, limit: 0xffff });
  }
  const header = version === 2 ? V2_HEADER : V3_HEADER;
  const frame = new Uint8Array(header + payload.byteLength);
  const view = new DataView(frame.buffer);
  if (version === 2) {
    view.setUint16(0, 2);
    view.setUint32(8, timestampMs >>> 0);
    view.setUint32(12, payload.byteLength);
  } else {
    view.setUint16(2, payload.byteLength);
  }
  frame.set(payload, header);
  return frame;
}

/**
 * Takes the Opus packet out of a frame; `null` for a well-formed frame that carries no audio.
 * Throws FRAME_TOO_LARGE past the limit and FRAME_MALFORMED when the header does not fit the bytes.
 */
export function decodeFrame(version: FramingVersion, bytes: Uint8Array): AudioFrame | null {
  if (bytes.byteLength > LIMITS.audioFrameBytes) {
    throw new MusterError('FRAME_TOO_LARGE', { bytes: bytes.byteLength, limit: LIMITS.audioFrameBytes });
  }
  if (version === 1) return bytes.byteLength === 0 ? null : { payload: bytes, timestampMs: 0 };
  const header = version === 2 ? V2_HEADER : V3_HEADER;
  if (bytes.byteLength < header) throw malformed(version, bytes.byteLength, header);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = version === 2 ? view.getUint32(12) : view.getUint16(2);
  if (size !== bytes.byteLength - header) throw malformed(version, bytes.byteLength - header, size);
  if (version === 2 && view.getUint16(0) !== 2) throw malformed(version, view.getUint16(0), 2);
  const type = version === 2 ? view.getUint16(2) : view.getUint8(0);
  if (type !== 0 || size === 0) return null;
  return { payload: bytes.subarray(header), timestampMs: version === 2 ? view.getUint32(8) : 0 };
}

function malformed(version: number, found: number, expected: number): MusterError {
  return new MusterError('FRAME_MALFORMED', { version, found, expected });
}
