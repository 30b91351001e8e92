import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { MusterError } from '@muster/contract';
import type { SealingKey } from './keys.ts';

/**
 * A sealed value: version, id of the key (4 bytes), nonce (12), tag (16), ciphertext; AES-256-GCM. A random nonce of 96
 * bits is safe for 2^32 values of one key (NIST SP 800-38D, section 8.3).
 */
const VERSION = 1;
const NONCE = 12;
const TAG = 16;
const HEAD = 1 + 4 + NONCE + TAG;
const ALGORITHM = 'aes-256-gcm';

/** `purpose` says what the value is; opening it for another fails, so that it cannot be moved to another place. */
export function sealWith(key: SealingKey, plain: string | Uint8Array, purpose: string): Buffer {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(ALGORITHM, key.bytes, nonce).setAAD(Buffer.from(purpose));
  const text = Buffer.concat([cipher.update(typeof plain === 'string' ? Buffer.from(plain) : plain), cipher.final()]);
  return Buffer.concat([Buffer.from([VERSION]), key.id, nonce, cipher.getAuthTag(), text]);
}

/** SECRET_UNREADABLE when no key of these sealed it, or it is not what was sealed for this purpose. */
export function openWith(keys: readonly SealingKey[], sealed: Uint8Array, purpose: string): Buffer {
  const bytes = Buffer.from(sealed);
  const id = keyIdOf(bytes);
  const key = keys.find((one) => one.id.equals(id));
  if (key === undefined || bytes.length < HEAD || bytes[0] !== VERSION) {
    const say =
      'A secret was sealed with a key that this server does not have. Give it that key: see secrets.key and secrets.previousKeys.';
    throw new MusterError('SECRET_UNREADABLE', { purpose }, { say });
  }
  try {
    const cipher = createDecipheriv(ALGORITHM, key.bytes, bytes.subarray(5, 5 + NONCE), { authTagLength: TAG })
      .setAAD(Buffer.from(purpose))
      .setAuthTag(bytes.subarray(5 + NONCE, HEAD));
    return Buffer.concat([cipher.update(bytes.subarray(HEAD)), cipher.final()]);
  } catch (cause) {
    throw new MusterError('SECRET_UNREADABLE', { purpose }, { cause });
  }
}

const keyIdOf = (sealed: Uint8Array): Buffer => Buffer.from(sealed.subarray(1, 5));
