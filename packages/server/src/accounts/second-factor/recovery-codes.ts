import { randomInt } from 'node:crypto';
import { hashSecret } from '../../platform/ids.ts';
import type { SecondFactorStore } from './store.ts';

/** Codes for the day when the phone is lost. Each works once. */
export interface RecoveryCodes {
  /** Ten fresh ones; those before are void. */
  make(userId: string): Promise<readonly string[]>;
  take(userId: string, code: string): Promise<boolean>;
  left(userId: string): Promise<number>;
  clear(userId: string): Promise<void>;
}

const COUNT = 10;
/** Without those that look alike: 0 O, 1 I L, U V. */
const LETTERS = '23456789ABCDEFGHJKMNPQRSTWXYZ';
/** 24 of 29 letters are 116 bits: nobody tries them all, so a plain hash is enough (ASVS 5.0, 6.5.2: 112). */
const LENGTH = 24;

export function createRecoveryCodes(store: SecondFactorStore): RecoveryCodes {
  const hashOf = (userId: string, code: string): Buffer => hashSecret(`${userId} ${plain(code)}`);
  return {
    async make(userId) {
      const codes = Array.from({ length: COUNT }, () => {
        const letters = Array.from({ length: LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
        return letters.replace(/(.{4})(?=.)/g, '$1-');
      });
      await store.replaceRecoveryCodes(
        userId,
        codes.map((code) => hashOf(userId, code)),
      );
      return codes;
    },
    take: (userId, code) => store.takeRecoveryCode(userId, hashOf(userId, code)),
    left: (userId) => store.recoveryCodesLeft(userId),
    clear: (userId) => store.replaceRecoveryCodes(userId, []),
  };
}

/** As people type it: with or without hyphens and spaces, in any case. */
const plain = (code: string): string => code.replaceAll(/[\s-]/g, '').toUpperCase();
