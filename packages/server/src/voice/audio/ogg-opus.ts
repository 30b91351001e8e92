/**
 * Mono Opus packets as an Ogg file (RFC 3533, RFC 7845): what firmware 2.5 plays when it is told of a spoken message.
 */

/** Opus counts time at 48 kHz, whatever the rate of the encoder (RFC 7845, section 4). */
const GRANULES_PER_MS = 48;
/** Samples at 48 kHz that a decoder throws away: the look-ahead of libopus. */
const PRE_SKIP = 312;
/** Packets in one page: 15 of 60 ms are 0.9 s, so that a device can begin before it has everything. */
const PACKETS_A_PAGE = 15;
const BEGIN = 0x02;
const END = 0x04;

/** `packetMs` is the length of each packet; `rate` the rate of the encoder, Hz. At most 255 * 255 bytes a page. */
export function oggOpus(packets: readonly Uint8Array[], packetMs: number, rate: number): Buffer {
  // any number: one stream in each file
  const serial = 1;
  const pages = [page([opusHead(rate)], BEGIN, 0n, serial, 0), page([opusTags()], 0, 0n, serial, 1)];
  for (let at = 0; at < packets.length; at += PACKETS_A_PAGE) {
    const part = packets.slice(at, at + PACKETS_A_PAGE);
    const ends = at + part.length;
    const granule = BigInt(ends * packetMs * GRANULES_PER_MS);
    pages.push(page(part, ends === packets.length ? END : 0, granule, serial, pages.length));
  }
  return Buffer.concat(pages);
}

function opusHead(rate: number): Buffer {
  const head = Buffer.alloc(19);
  head.write('OpusHead', 0, 'latin1');
  head.writeUInt8(1, 8); // version
  head.writeUInt8(1, 9); // channels
  head.writeUInt16LE(PRE_SKIP, 10);
  head.writeUInt32LE(rate, 12);
  return head;
}

function opusTags(): Buffer {
  const vendor = Buffer.from('Muster');
  const tags = Buffer.alloc(8 + 4 + vendor.length + 4);
  tags.write('OpusTags', 0, 'latin1');
  tags.writeUInt32LE(vendor.length, 8);
  vendor.copy(tags, 12);
  return tags;
}

function page(
  packets: readonly Uint8Array[],
  flags: number,
  granule: bigint,
  serial: number,
  sequence: number,
): Buffer {
  const lacing: number[] = [];
  for (const packet of packets) {
    for (let left = packet.byteLength; left >= 255; left -= 255) lacing.push(255);
    lacing.push(packet.byteLength % 255);
  }
  const header = Buffer.alloc(27 + lacing.length);
  header.write('OggS', 0, 'latin1');
  header.writeUInt8(flags, 5);
  header.writeBigUInt64LE(granule, 6);
  header.writeUInt32LE(serial, 14);
  header.writeUInt32LE(sequence, 18);
  header.writeUInt8(lacing.length, 26);
  header.set(lacing, 27);
  const bytes = Buffer.concat([header, ...packets]);
  bytes.writeUInt32LE(checksum(bytes), 22);
  return bytes;
}

/** CRC-32 with the polynomial 0x04c11db7, not reflected, from 0 (RFC 3533, section 6). */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte << 24;
  for (let bit = 0; bit < 8; bit++) rest = rest < 0 ? (rest << 1) ^ 0x04c11db7 : rest << 1;
  return rest >>> 0;
});

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = ((sum << 8) ^ (TABLE[((sum >>> 24) ^ byte) & 0xff] ?? 0)) >>> 0;
  return sum;
}
