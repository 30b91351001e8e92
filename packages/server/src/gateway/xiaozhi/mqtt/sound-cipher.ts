import { createCipheriv, createDecipheriv } from 'node:crypto';
import { readUdpHeader, UDP_HEADER_BYTES, type UdpHeader, writeUdpHeader } from '@muster/contract';

/** Named by the protocol; what it is worth is said in contract/xiaozhi/udp.ts. */
const CIPHER = 'aes-128-ctr';

/** One datagram: header and encrypted Opus packet. */
export function sealSound(key: Uint8Array, nonce: Uint8Array, sequence: number, packet: Uint8Array): Buffer {
  const header = writeUdpHeader(nonce, packet.byteLength, 0, sequence);
  return Buffer.concat([header, createCipheriv(CIPHER, key, header).update(packet)]);
}

/** The packet of a datagram whose header was read. What a wrong key gives is noise, not an error: there is no check. */
export function openSound(key: Uint8Array, datagram: Uint8Array): Buffer {
  const counter = datagram.subarray(0, UDP_HEADER_BYTES);
  return createDecipheriv(CIPHER, key, counter).update(datagram.subarray(UDP_HEADER_BYTES));
}

export { readUdpHeader, type UdpHeader };
