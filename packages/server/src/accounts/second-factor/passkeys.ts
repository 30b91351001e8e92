import { MusterError, type Passkey, type PasskeyAnswer, type PasskeyRegistration } from '@muster/contract';
import {
  type AuthenticationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import type { Clock } from '../../platform/clock.ts';
import { isUniqueViolation, translateDatabaseError } from '../../platform/db/index.ts';
import { hashSecret, newId } from '../../platform/ids.ts';
import { type PasskeyRow, type SecondFactorStore, toPasskey } from './store.ts';

/** Where people see this server: passkeys are of one host, and signed for one origin. */
export interface Place {
  /** `https://muster.example.com` */
  readonly origin: string;
  readonly host: string;
}

/** What a challenge is for: one that was given out for one thing is worth nothing for another. */
type Purpose = 'register' | 'signIn' | 'prove';

/** Passkeys and security keys (WebAuthn Level 3). */
export interface Passkeys {
  list(userId: string): Promise<readonly Passkey[]>;
  /** For `navigator.credentials.create()`. QUOTA_EXCEEDED past 20. */
  registrationOptions(user: PasskeyUser, place: Place): Promise<Record<string, unknown>>;
  /** FACTOR_WRONG when the answer is not right for what was asked. */
  register(user: PasskeyUser, name: string, answer: PasskeyRegistration, place: Place): Promise<Passkey>;
  /** NOT_FOUND for one that the user does not have. */
  rename(userId: string, passkeyId: string, name: string): Promise<Passkey>;
  remove(userId: string, passkeyId: string): Promise<void>;
  /** For `navigator.credentials.get()`: of a user who is known, or of whoever it is. */
  requestOptions(userId: string | null, place: Place): Promise<Record<string, unknown>>;
  /** Whether it proves that it is this user. */
  prove(userId: string, answer: PasskeyAnswer, place: Place): Promise<boolean>;
  /** Who it is, when the passkey also knows its owner by finger, face or PIN: two factors in one. Else null. */
  identify(answer: PasskeyAnswer, place: Place): Promise<string | null>;
}

export interface PasskeyUser {
  readonly userId: string;
  readonly email: string;
  readonly name: string;
}

const MOST = 20;
const CHALLENGE_MS = 5 * 60_000;

export function createPasskeys(deps: { readonly store: SecondFactorStore; readonly clock: Clock }): Passkeys {
  const { store, clock } = deps;

  async function keep(challenge: string, userId: string | null, purpose: Purpose): Promise<void> {
    const now = clock.now();
    const row = { challenge_hash: hashSecret(challenge), user_id: userId, purpose, expires_at: now + CHALLENGE_MS };
    await store.addChallenge(row, now);
  }

  const take = (userId: string | null, purpose: Purpose) => (challenge: string) =>
    store.takeChallenge(hashSecret(challenge), userId, purpose, clock.now());

  /** The passkey that answered, when its signature is right. */
  async function answered(
    answer: PasskeyAnswer,
    { origin, host }: Place,
    expectedChallenge: (challenge: string) => Promise<boolean>,
    requireUserVerification: boolean,
  ): Promise<PasskeyRow | null> {
    const row = await store.passkey(Buffer.from(answer.id, 'base64url'));
    if (row === undefined) return null;
    const found = await verifyAuthenticationResponse({
      response: answer as unknown as AuthenticationResponseJSON,
      expectedChallenge,
      expectedOrigin: origin,
      expectedRPID: host,
      requireUserVerification,
      credential: {
        id: row.credential_id.toString('base64url'),
        publicKey: new Uint8Array(row.public_key),
        counter: row.counter,
      },
    }).catch(notRight);
    if (found?.verified !== true) return null;
    await store.passkeyUsed(row.passkey_id, found.authenticationInfo.newCounter, clock.now());
    return row;
  }

  return {
    list: async (userId) => (await store.passkeys(userId)).map(toPasskey),

    async registrationOptions({ userId, email, name }, { host }) {
      const known = await store.passkeys(userId);
      if (known.length >= MOST) throw new MusterError('QUOTA_EXCEEDED', { limit: MOST });
      const options = await generateRegistrationOptions({
        rpName: 'Muster',
        rpID: host,
        userID: new TextEncoder().encode(userId),
        userName: email,
        userDisplayName: name,
        attestationType: 'none',
        excludeCredentials: known.map((row) => ({ id: row.credential_id.toString('base64url') })),
        authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
      });
      await keep(options.challenge, userId, 'register');
      return { ...options };
    },

    async register({ userId }, name, answer, { origin, host }) {
      const found = await verifyRegistrationResponse({
        response: answer as unknown as RegistrationResponseJSON,
        expectedChallenge: take(userId, 'register'),
        expectedOrigin: origin,
        expectedRPID: host,
        requireUserVerification: false,
      }).catch(notRight);
      if (found?.verified !== true) throw new MusterError('FACTOR_WRONG');
      const { credential, credentialBackedUp } = found.registrationInfo;
      const now = clock.now();
      const row: PasskeyRow = {
        passkey_id: newId(now),
        user_id: userId,
        credential_id: Buffer.from(credential.id, 'base64url'),
        public_key: Buffer.from(credential.publicKey),
        counter: credential.counter,
        transports: [...(credential.transports ?? [])],
        name: name.trim(),
        backed_up: credentialBackedUp,
        created_at: now,
        last_used_at: null,
      };
      try {
        await store.addPasskey(row);
      } catch (error) {
        if (!isUniqueViolation(error)) throw error;
        throw new MusterError('CONFLICT', {}, { cause: error, say: 'This passkey is registered already.' });
      }
      return toPasskey(row);
    },

    async rename(userId, passkeyId, name) {
      const row = await store.renamePasskey(userId, passkeyId, name.trim());
      if (row === undefined) throw new MusterError('NOT_FOUND', { passkeyId });
      return toPasskey(row);
    },

    async remove(userId, passkeyId) {
      if (!(await store.removePasskey(userId, passkeyId))) throw new MusterError('NOT_FOUND', { passkeyId });
    },

    async requestOptions(userId, { host }) {
      const known = userId === null ? [] : await store.passkeys(userId);
      const options = await generateAuthenticationOptions({
        rpID: host,
        userVerification: userId === null ? 'required' : 'preferred',
        allowCredentials: known.map((row) => ({ id: row.credential_id.toString('base64url') })),
      });
      await keep(options.challenge, userId, userId === null ? 'signIn' : 'prove');
      return { ...options };
    },

    async prove(userId, answer, place) {
      const row = await answered(answer, place, take(userId, 'prove'), false);
      return row?.user_id === userId;
    },

    async identify(answer, place) {
      return (await answered(answer, place, take(null, 'signIn'), true))?.user_id ?? null;
    },
  };
}

/** The library throws for every way in which an answer can be wrong; a failing database is no such way. */
function notRight(error: unknown): null {
  if (error instanceof MusterError || translateDatabaseError(error) !== null) throw error;
  return null;
}
