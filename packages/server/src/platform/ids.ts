import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

let lastAt = 0;
let lastCount = 0;

/**
 * A UUID version 7 (RFC 9562): the first 48 bits are epoch ms, so that new rows land at the end of their index. The next
 * 12 count up within a millisecond (section 6.2, method 1): ids of one process sort as they were made.
 */
export function newId(now: number): string {
  const bytes = randomBytes(16);
  // room to count: the first of a millisecond begins in the lower half
  const first = bytes.readUInt16BE(6) & 0x07ff;
  lastCount = now === lastAt && lastCount < 0x0fff ? lastCount + 1 : first;
  lastAt = now;
  bytes.writeUIntBE(now, 0, 6);
  bytes.writeUInt16BE(0x7000 | lastCount, 6);
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** 256 random bits, base64url: for links, sessions and device tokens. Shown once; only its hash is stored. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

/** What is stored of a secret made by {@link newSecret}. A plain hash suffices for 256 random bits. */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Compares two byte strings in a time that does not depend on where they differ. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && timingSafeEqual(a, b);
}
