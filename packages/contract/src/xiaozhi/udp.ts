/**
 * The header of a sound datagram of Xiaozhi devices that use MQTT, big-endian (xiaozhi-esp32 2.4.2, mqtt_protocol.cc):
 *
 * `u8 type=1 | u8 flags | u16 payloadLength | u32 ssrc | u32 timestamp | u32 sequence`
 *
 * The header is the initial counter of AES-128-CTR for the payload too. The device copies the nonce of our hello and
 * writes length, timestamp and sequence into it, so the first byte of a nonce must be 1 and bytes 4 to 7 tell sessions
 * apart. Blocks of neighbouring packets share key stream when length and timestamp are equal: the cipher hides sound
 * from a passer-by, it does not protect it from somebody who records all of it.
 */
export const UDP_HEADER_BYTES = 16;
/** The receive buffer of devices, bytes (xiaozhi-esp32 2.4.2). */
export const UDP_DATAGRAM_BYTES = 1_500;
const TYPE_AUDIO = 1;

export interface UdpHeader {
  /** Names the session. */
  readonly ssrc: number;
  readonly timestamp: number;
  /** From 1, one more with each packet. */
  readonly sequence: number;
}

/** Reads the header; null when the bytes are no sound datagram or its length lies. */
export function readUdpHeader(datagram: Uint8Array): UdpHeader | null {
  if (datagram.byteLength <= UDP_HEADER_BYTES || datagram.byteLength > UDP_DATAGRAM_BYTES) return null;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (view.getUint8(0) !== TYPE_AUDIO || view.getUint16(2) !== datagram.byteLength - UDP_HEADER_BYTES) return null;
  return { ssrc: view.getUint32(4), timestamp: view.getUint32(8), sequence: view.getUint32(12) };
}

/** Writes the header of a packet over a copy of the session's nonce. */
export function writeUdpHeader(
  nonce: Uint8Array,
  payloadBytes: number,
  timestamp: number,
  sequence: number,
): Uint8Array {
  const header = Uint8Array.from(nonce.subarray(0, UDP_HEADER_BYTES));
  const view = new DataView(header.buffer);
  view.setUint16(2, payloadBytes);
  view.setUint32(8, timestamp >>> 0);
  view.setUint32(12, sequence >>> 0);
  return header;
}

/** The 16 bytes of a nonce for a session. */
export function udpNonce(ssrc: number): Uint8Array {
  const nonce = new Uint8Array(UDP_HEADER_BYTES);
  const view = new DataView(nonce.buffer);
  view.setUint8(0, TYPE_AUDIO);
  view.setUint32(4, ssrc >>> 0);
  return nonce;
}
