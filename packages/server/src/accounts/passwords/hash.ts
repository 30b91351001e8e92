import { argon2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { MusterError } from '@muster/contract';
import { sameBytes } from '../../platform/ids.ts';

const deriveNow = promisify(argon2);

/** One hash takes 19 MiB and some 30 ms of a core: a flood of sign-ins may not take them all. */
const AT_ONCE = 2;
const MOST_WAITING = 20;
let working = 0;
const waiting: (() => void)[] = [];

/** Throws RATE_LIMITED when too many wait. */
async function derive(...call: Parameters<typeof deriveNow>): Promise<Buffer> {
  if (waiting.length >= MOST_WAITING) throw new MusterError('RATE_LIMITED', { retryAfterMs: 2_000 });
  if (working >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else working += 1;
  try {
    return await deriveNow(...call);
  } finally {
    const next = waiting.shift();
    // who waits takes over the place
    if (next === undefined) working -= 1;
    else next();
  }
}

/** OWASP Password Storage Cheat Sheet, Argon2id: 19 MiB, 2 passes, 1 lane. */
const COST = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;

/** `argon2id$memory$passes$lanes$salt$hash`, base64url. Runs off the event loop. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16);
  const hash = await derive('argon2id', { ...COST, message: password.normalize('NFC'), nonce });
  const { memory, passes, parallelism } = COST;
  return ['argon2id', memory, passes, parallelism, nonce.toString('base64url'), hash.toString('base64url')].join('$');
}

/**
 * Whether the password is the one that was hashed. For `null` (no such user) the same work is done and the answer is
 * false, so that the time does not tell who exists.
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const [, memory, passes, parallelism, nonce, hash] = (stored ?? NOBODY).split('$');
  const expected = Buffer.from(hash ?? '', 'base64url');
  const found = await derive('argon2id', {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
    tagLength: expected.byteLength,
    message: password.normalize('NFC'),
    nonce: Buffer.from(nonce ?? '', 'base64url'),
  });
  return sameBytes(found, expected) && stored !== null;
}

const zeros = (bytes: number): string => Buffer.alloc(bytes).toString('base64url');
const NOBODY = `argon2id$${COST.memory}$${COST.passes}$${COST.parallelism}$${zeros(16)}$${zeros(COST.tagLength)}`;
