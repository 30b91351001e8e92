import { createHmac } from 'node:crypto';
import type { ActivationProof } from '@muster/contract';
import { sameBytes } from '../platform/ids.ts';

/**
 * Whether the device holds the key: HMAC-SHA256 over the challenge as sent.
 *
 * The firmware computes it in hardware with the 32 raw bytes of its eFuse key; the Python clients with the ASCII of
 * their hex key (xiaozhi-esp32 2.4.2 `ota.cc`, py-xiaozhi 2.1.1). `key` holds the raw bytes; both readings are tried.
 */
export function provesKey(proof: ActivationProof, challenge: string, key: Buffer): boolean {
  if (proof.challenge !== challenge || !/^[0-9a-f]{64}$/.test(proof.hmac)) return false;
  const given = Buffer.from(proof.hmac, 'hex');
  const asciiKey = Buffer.from(key.toString('hex'), 'ascii');
  const raw = createHmac('sha256', key).update(challenge).digest();
  const ascii = createHmac('sha256', asciiKey).update(challenge).digest();
  // both are always computed and compared, so that the time tells nothing
  const [isRaw, isAscii] = [sameBytes(given, raw), sameBytes(given, ascii)];
  return isRaw || isAscii;
}
