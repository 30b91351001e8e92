import { MusterError, type TotpBegun } from '@muster/contract';
import { Secret, TOTP } from 'otpauth';
import { renderSVG } from 'uqr';
import type { Clock } from '../../platform/clock.ts';
import type { ColumnSeal } from '../../platform/vault/index.ts';
import type { SecondFactorStore } from './store.ts';

/** Codes of an authenticator app (RFC 6238): SHA-1, six digits, 30 s, as every app can. */
export interface Totp {
  has(userId: string): Promise<boolean>;
  /** A fresh secret that does not count yet. CONFLICT when there is one that does. */
  begin(userId: string, email: string): Promise<TotpBegun>;
  /** Whether the code is right now: one time step early or late is, a code that was taken before is not. */
  take(userId: string, code: string): Promise<boolean>;
  /** The same for a secret that does not count yet; from then on it does. */
  confirm(userId: string, code: string): Promise<boolean>;
  remove(userId: string): Promise<boolean>;
}

const PERIOD_S = 30;
/** RFC 4226, section 4, recommends 160 bits. */
const SECRET_BYTES = 20;
const ISSUER = 'Muster';

export function createTotp(deps: {
  readonly store: SecondFactorStore;
  readonly clock: Clock;
  readonly seal: ColumnSeal;
}): Totp {
  const { store, clock, seal } = deps;

  async function check(userId: string, code: string, isConfirmed: boolean): Promise<boolean> {
    const row = await store.totp(userId);
    if (row === undefined || (row.confirmed_at !== null) !== isConfirmed) return false;
    const secret = new Secret({ buffer: toArrayBuffer(seal.open(row.secret, [userId])) });
    const now = clock.now();
    const delta = new TOTP({ secret, period: PERIOD_S }).validate({ token: code, timestamp: now, window: 1 });
    if (delta === null) return false;
    return store.takeStep(userId, Math.floor(now / 1_000 / PERIOD_S) + delta, now);
  }

  return {
    has: async (userId) => (await store.totp(userId))?.confirmed_at != null,
    async begin(userId, email) {
      const secret = new Secret({ size: SECRET_BYTES });
      const sealed = seal.seal(new Uint8Array(secret.buffer), [userId]);
      if (!(await store.beginTotp(userId, sealed, clock.now()))) {
        throw new MusterError('CONFLICT', {}, { say: 'An authenticator app is set up already: remove it first.' });
      }
      const uri = new TOTP({ issuer: ISSUER, label: email, secret, period: PERIOD_S }).toString();
      return { secret: secret.base32, uri, qr: renderSVG(uri) };
    },
    take: (userId, code) => check(userId, code, true),
    confirm: (userId, code) => check(userId, code, false),
    remove: (userId) => store.removeTotp(userId),
  };
}

function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.byteLength);
  new Uint8Array(copy).set(bytes);
  return copy;
}
