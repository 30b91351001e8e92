import {
  type FactorAdded,
  type Factors,
  MusterError,
  type PasskeyRegistration,
  type TotpBegun,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import type { Vault } from '../../platform/vault/index.ts';
import { createPasskeys, type Passkeys, type PasskeyUser, type Place } from './passkeys.ts';
import { createRecoveryCodes } from './recovery-codes.ts';
import { createSecondFactorStore, type SecondFactorTables } from './store.ts';
import { createTotp } from './totp.ts';

/** What people have besides their password: an authenticator app, passkeys, and codes for when those are lost. */
export interface SecondFactor {
  factorsOf(userId: string): Promise<Factors>;
  /** Whether the user has an app or a passkey. */
  has(userId: string): Promise<boolean>;
  /** See `Totp.begin`. */
  beginTotp(user: PasskeyUser): Promise<TotpBegun>;
  /** FACTOR_WRONG for a code that is not right. With the first factor come recovery codes. */
  confirmTotp(userId: string, code: string): Promise<FactorAdded>;
  /** NOT_FOUND when there is none. */
  removeTotp(userId: string): Promise<Factors>;
  addPasskey(user: PasskeyUser, name: string, answer: PasskeyRegistration, place: Place): Promise<FactorAdded>;
  removePasskey(userId: string, passkeyId: string): Promise<Factors>;
  /** CONFLICT for somebody who has no other factor: codes alone are no second factor. */
  newRecoveryCodes(userId: string): Promise<readonly string[]>;
  /** Whether the code is right; each is taken once. */
  takeTotp(userId: string, code: string): Promise<boolean>;
  takeRecoveryCode(userId: string, code: string): Promise<boolean>;
  readonly passkeys: Passkeys;
}

export function createSecondFactor(deps: {
  readonly db: Database<SecondFactorTables>;
  readonly clock: Clock;
  readonly vault: Pick<Vault, 'column'>;
}): SecondFactor {
  const store = createSecondFactorStore(deps.db);
  const seal = deps.vault.column({ table: 'totp_secrets', column: 'secret', key: ['user_id'] });
  const totp = createTotp({ store, clock: deps.clock, seal });
  const passkeys = createPasskeys({ store, clock: deps.clock });
  const recovery = createRecoveryCodes(store);

  async function factorsOf(userId: string): Promise<Factors> {
    return {
      totp: await totp.has(userId),
      passkeys: [...(await passkeys.list(userId))],
      recoveryCodesLeft: await recovery.left(userId),
    };
  }

  async function has(userId: string): Promise<boolean> {
    return (await totp.has(userId)) || (await passkeys.list(userId)).length > 0;
  }

  async function added(userId: string): Promise<FactorAdded> {
    const recoveryCodes = (await recovery.left(userId)) === 0 ? [...(await recovery.make(userId))] : null;
    return { factors: await factorsOf(userId), recoveryCodes };
  }

  /** Codes that stand for no factor would be a second password. */
  async function removed(userId: string): Promise<Factors> {
    if (!(await has(userId))) await recovery.clear(userId);
    return factorsOf(userId);
  }

  return {
    factorsOf,
    has,
    beginTotp: ({ userId, email }) => totp.begin(userId, email),
    async confirmTotp(userId, code) {
      if (!(await totp.confirm(userId, code))) throw new MusterError('FACTOR_WRONG');
      return added(userId);
    },
    async removeTotp(userId) {
      if (!(await totp.remove(userId))) throw new MusterError('NOT_FOUND');
      return removed(userId);
    },
    async addPasskey(user, name, answer, place) {
      await passkeys.register(user, name, answer, place);
      return added(user.userId);
    },
    async removePasskey(userId, passkeyId) {
      await passkeys.remove(userId, passkeyId);
      return removed(userId);
    },
    async newRecoveryCodes(userId) {
      if (!(await has(userId))) {
        throw new MusterError('CONFLICT', {}, { say: 'Set up an authenticator app or a passkey first.' });
      }
      return recovery.make(userId);
    },
    takeTotp: (userId, code) => totp.take(userId, code),
    takeRecoveryCode: (userId, code) => recovery.take(userId, code),
    passkeys,
  };
}
