import type { Passkey } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface SecondFactorTables {
  totp_secrets: {
    user_id: string;
    secret: Buffer;
    confirmed_at: number | null;
    last_step: number;
    created_at: number;
  };
  passkeys: {
    passkey_id: string;
    user_id: string;
    credential_id: Buffer;
    public_key: Buffer;
    counter: number;
    transports: string[];
    name: string;
    backed_up: boolean;
    created_at: number;
    last_used_at: number | null;
  };
  passkey_challenges: { challenge_hash: Buffer; user_id: string | null; purpose: string; expires_at: number };
  recovery_codes: { user_id: string; code_hash: Buffer };
}
export type PasskeyRow = SecondFactorTables['passkeys'];
export type SecondFactorStore = ReturnType<typeof createSecondFactorStore>;

export function createSecondFactorStore(db: Database<SecondFactorTables>) {
  const totpOf = (userId: string) => db.selectFrom('totp_secrets').selectAll().where('user_id', '=', userId);
  return {
    totp: (userId: string) => totpOf(userId).executeTakeFirst(),

    /** In place of one that was never confirmed; false when a confirmed one is there. */
    async beginTotp(userId: string, secret: Buffer, now: number): Promise<boolean> {
      const done = await db
        .insertInto('totp_secrets')
        .values({ user_id: userId, secret, confirmed_at: null, last_step: 0, created_at: now })
        .onConflict((at) =>
          at
            .column('user_id')
            .doUpdateSet({ secret, created_at: now, last_step: 0 })
            .where('totp_secrets.confirmed_at', 'is', null),
        )
        .executeTakeFirst();
      return done.numInsertedOrUpdatedRows === 1n;
    },

    /** Takes the code of a time step, and makes the secret count; false when that one or a later was taken. */
    async takeStep(userId: string, step: number, now: number): Promise<boolean> {
      const done = await db
        .updateTable('totp_secrets')
        .set((eb) => ({ last_step: step, confirmed_at: eb.fn.coalesce('confirmed_at', eb.val(now)) }))
        .where('user_id', '=', userId)
        .where('last_step', '<', step)
        .executeTakeFirst();
      return done.numUpdatedRows === 1n;
    },

    async removeTotp(userId: string): Promise<boolean> {
      const done = await db.deleteFrom('totp_secrets').where('user_id', '=', userId).executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    /** Oldest first. */
    passkeys: (userId: string) =>
      db.selectFrom('passkeys').selectAll().where('user_id', '=', userId).orderBy('passkey_id').execute(),

    passkey: (credentialId: Buffer) =>
      db.selectFrom('passkeys').selectAll().where('credential_id', '=', credentialId).executeTakeFirst(),

    async addPasskey(row: PasskeyRow): Promise<void> {
      await db.insertInto('passkeys').values(row).execute();
    },

    async renamePasskey(userId: string, passkeyId: string, name: string): Promise<PasskeyRow | undefined> {
      return db
        .updateTable('passkeys')
        .set({ name })
        .where('user_id', '=', userId)
        .where('passkey_id', '=', passkeyId)
        .returningAll()
        .executeTakeFirst();
    },

    async removePasskey(userId: string, passkeyId: string): Promise<boolean> {
      const done = await db
        .deleteFrom('passkeys')
        .where('user_id', '=', userId)
        .where('passkey_id', '=', passkeyId)
        .executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    async passkeyUsed(passkeyId: string, counter: number, now: number): Promise<void> {
      await db
        .updateTable('passkeys')
        .set({ counter, last_used_at: now })
        .where('passkey_id', '=', passkeyId)
        .execute();
    },

    async addChallenge(row: SecondFactorTables['passkey_challenges'], now: number): Promise<void> {
      await db.deleteFrom('passkey_challenges').where('expires_at', '<', now).execute();
      await db.insertInto('passkey_challenges').values(row).execute();
    },

    /** Uses a challenge up; false when it is unknown, of somebody or something else, too old, or was used. */
    async takeChallenge(hash: Buffer, userId: string | null, purpose: string, now: number): Promise<boolean> {
      const done = await db
        .deleteFrom('passkey_challenges')
        .where('challenge_hash', '=', hash)
        .where('user_id', userId === null ? 'is' : '=', userId)
        .where('purpose', '=', purpose)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return done.numDeletedRows === 1n;
    },

    async recoveryCodesLeft(userId: string): Promise<number> {
      const { count } = await db
        .selectFrom('recovery_codes')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('user_id', '=', userId)
        .executeTakeFirstOrThrow();
      return count;
    },

    async replaceRecoveryCodes(userId: string, hashes: readonly Buffer[]): Promise<void> {
      await db.deleteFrom('recovery_codes').where('user_id', '=', userId).execute();
      if (hashes.length === 0) return;
      await db
        .insertInto('recovery_codes')
        .values(hashes.map((code_hash) => ({ user_id: userId, code_hash })))
        .execute();
    },

    /** Uses a code up; false when there is none. */
    async takeRecoveryCode(userId: string, hash: Buffer): Promise<boolean> {
      const done = await db
        .deleteFrom('recovery_codes')
        .where('user_id', '=', userId)
        .where('code_hash', '=', hash)
        .executeTakeFirst();
      return done.numDeletedRows === 1n;
    },
  };
}

export function toPasskey(row: PasskeyRow): Passkey {
  return {
    passkeyId: row.passkey_id,
    name: row.name,
    backedUp: row.backed_up,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
  };
}
