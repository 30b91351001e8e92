import {
  codeOf,
  MusterError,
  type PasskeyAnswer,
  type Proof,
  type ProofKind,
  type SignInPending,
  type SignInRequest,
  type User,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, outsideUnit } from '../../platform/db/index.ts';
import { hashSecret, newSecret } from '../../platform/ids.ts';
import { createDenials } from '../audit/denials.ts';
import { type Audit, type AuditEntry, callerHere } from '../audit/index.ts';
import { verifyPassword } from '../passwords/hash.ts';
import type { Place, SecondFactor } from '../second-factor/index.ts';
import { canonicalEmail } from '../users/email.ts';
import { toUser, type UserRow } from '../users/store.ts';
import type { NewSession, Sessions, Source } from './sessions.ts';
import { createSessionStore, type SessionTables } from './store.ts';
import { createThrottle } from './throttle.ts';

/** How long the second step of signing in may take, ms. */
const PENDING_MS = 5 * 60_000;

/** From where somebody signs in. `place` is null where passkeys cannot be used. */
export interface SignInFrom extends Source {
  readonly place: Place | null;
}

/** Proving who one is: to begin a session, or again in one. */
export interface SignIn {
  /**
   * A session, or what is asked for besides the password. SIGN_IN_FAILED, in the same words and time, for a wrong
   * password, an unknown and a deactivated user; RATE_LIMITED for whoever guesses.
   */
  byPassword(request: SignInRequest, from: SignInFrom): Promise<NewSession | SignInPending>;
  /** The second step. FACTOR_WRONG; SIGN_IN_FAILED when it is too late or there were five wrong ones. */
  finish(pending: string, proof: Proof, from: SignInFrom): Promise<NewSession>;
  /**
   * For somebody whom an identity provider vouches for. Without its word that it asked for a second factor, the own one
   * is asked for, of whoever has one.
   */
  bySso(row: UserRow, bySecondFactor: boolean, from: SignInFrom): Promise<NewSession | SignInPending>;
  passkeyOptions(place: Place): Promise<Record<string, unknown>>;
  byPasskey(answer: PasskeyAnswer, from: SignInFrom & { readonly place: Place }): Promise<NewSession>;
  /** For a passkey of a user who is known. */
  passkeyOptionsOf(userId: string, place: Place): Promise<Record<string, unknown>>;
  /** Ways in which a user can prove who they are. */
  waysOf(user: User): Promise<readonly ProofKind[]>;
  /** FACTOR_WRONG when it is not right; RATE_LIMITED. */
  prove(user: User, proof: Proof, from: SignInFrom): Promise<void>;
}

export function createSignIn(deps: {
  readonly db: Database<SessionTables>;
  readonly clock: Clock;
  readonly audit: Audit;
  readonly sessions: Pick<Sessions, 'begin'>;
  readonly factors: SecondFactor;
  readonly users: {
    byEmail(email: string): Promise<UserRow | undefined>;
    byId(userId: string): Promise<UserRow | undefined>;
  };
  /** Somebody signed in from where they never did before. */
  readonly onNewSource: (user: User, source: Source) => void;
}): SignIn {
  const { clock, audit, sessions, factors, users } = deps;
  const store = createSessionStore(deps.db);
  const throttle = createThrottle(deps);
  const denials = createDenials(audit, clock);

  /** Written for a user that there is not, too: what takes longer for one that there is would tell them apart. */
  async function fail(userId: string | null, reason: string): Promise<never> {
    await outsideUnit(() => audit.append(failure(userId, reason)));
    throw new MusterError('SIGN_IN_FAILED');
  }

  /** Of what no throttle counts, for it names nobody: a stranger may not fill the disk with it. */
  async function failUnknown(reason: string): Promise<never> {
    await denials.append({ ...failure(null, reason), caller: callerHere() });
    throw new MusterError('SIGN_IN_FAILED');
  }

  /** Counts a try before it is judged. RATE_LIMITED, which is told the audit too. */
  async function count(email: string, { address }: Source, action: 'account.signIn' | 'account.prove'): Promise<void> {
    try {
      await throttle.count(canonicalEmail(email), address);
    } catch (error) {
      if (codeOf(error) === 'RATE_LIMITED') {
        await denials.append({
          action,
          outcome: 'denied',
          target: null,
          reason: 'too many tries',
          caller: callerHere(),
        });
      }
      throw error;
    }
  }

  async function begin(
    row: UserRow,
    by: ProofKind | 'sso',
    from: SignInFrom,
    bySecondFactor = false,
  ): Promise<NewSession> {
    const user = toUser(row);
    if (await throttle.succeeded(canonicalEmail(row.email), from.address, row.user_id)) deps.onNewSource(user, from);
    const session = await sessions.begin(user, from, bySecondFactor);
    const target = { kind: 'user', id: user.userId };
    await audit.append({ action: 'account.signIn', target, after: { by }, reason: null });
    return session;
  }

  /** Ways besides the password. */
  async function moreOf(userId: string): Promise<ProofKind[]> {
    const { totp, passkeys, recoveryCodesLeft } = await factors.factorsOf(userId);
    const ways: ProofKind[] = [];
    if (totp) ways.push('totp');
    if (passkeys.length > 0) ways.push('passkey');
    if (ways.length > 0 && recoveryCodesLeft > 0) ways.push('recoveryCode');
    return ways;
  }

  /** The first step was right. */
  async function askMore(row: UserRow, ways: ProofKind[], { place }: SignInFrom): Promise<SignInPending> {
    const pending = newSecret();
    const now = clock.now();
    await store.addPending(hashSecret(pending), row.user_id, now, now + PENDING_MS);
    const passkeyOptions =
      place !== null && ways.includes('passkey') ? await factors.passkeys.requestOptions(row.user_id, place) : null;
    return { pending, ways, passkeyOptions, expiresAt: now + PENDING_MS };
  }

  async function isRight(row: UserRow, proof: Proof, { place }: SignInFrom): Promise<boolean> {
    switch (proof.kind) {
      case 'password':
        return verifyPassword(proof.password, row.password_hash);
      case 'totp':
        return factors.takeTotp(row.user_id, proof.code);
      case 'recoveryCode':
        return factors.takeRecoveryCode(row.user_id, proof.code);
      case 'passkey':
        return place !== null && factors.passkeys.prove(row.user_id, proof.response, place);
    }
  }

  return {
    async byPassword({ email, password }, from) {
      await count(email, from, 'account.signIn');
      const row = await users.byEmail(email);
      const right = await verifyPassword(password, row?.password_hash ?? null);
      if (row === undefined) return fail(null, 'unknown user');
      if (!right) return fail(row.user_id, 'wrong password');
      if (row.state !== 'active') return fail(row.user_id, 'deactivated');
      const ways = await moreOf(row.user_id);
      return ways.length === 0 ? begin(row, 'password', from) : askMore(row, ways, from);
    },

    async bySso(row, bySecondFactor, from) {
      const ways = bySecondFactor ? [] : await moreOf(row.user_id);
      return ways.length === 0 ? begin(row, 'sso', from, bySecondFactor) : askMore(row, ways, from);
    },

    async finish(pending, proof, from) {
      const hash = hashSecret(pending);
      const userId = await outsideUnit(() => store.tryPending(hash, clock.now()));
      if (userId === undefined) return failUnknown('the second step came too late, or too often');
      const row = await users.byId(userId);
      if (row === undefined || row.state !== 'active') return fail(userId, 'deactivated');
      // the password was the first step
      if (proof.kind === 'password' || !(await isRight(row, proof, from))) {
        await fail(userId, `wrong ${proof.kind}`).catch((error: unknown) => {
          if (!(error instanceof MusterError)) throw error;
        });
        throw new MusterError('FACTOR_WRONG');
      }
      if (!(await store.takePending(hash))) return fail(userId, 'the second step was used already');
      return begin(row, proof.kind, from);
    },

    passkeyOptionsOf: (userId, place) => factors.passkeys.requestOptions(userId, place),
    passkeyOptions: (place) => factors.passkeys.requestOptions(null, place),

    async byPasskey(answer, from) {
      const userId = await factors.passkeys.identify(answer, from.place);
      const row = userId === null ? undefined : await users.byId(userId);
      if (row === undefined) return failUnknown('wrong passkey');
      if (row.state !== 'active') return fail(row.user_id, 'deactivated');
      return begin(row, 'passkey', from);
    },

    async waysOf({ userId }) {
      const more = await moreOf(userId);
      const row = await users.byId(userId);
      return row?.password_hash == null ? more : ['password', ...more];
    },

    async prove(user, proof, from) {
      await count(user.email, from, 'account.prove');
      const row = await users.byId(user.userId);
      if (row === undefined || !(await isRight(row, proof, from))) {
        const target = { kind: 'user', id: user.userId };
        const entry = { action: 'account.prove', outcome: 'failed', target, reason: `wrong ${proof.kind}` } as const;
        await outsideUnit(() => audit.append(entry));
        throw new MusterError('FACTOR_WRONG');
      }
      await throttle.succeeded(canonicalEmail(user.email), from.address, user.userId);
    },
  };
}

const failure = (userId: string | null, reason: string): AuditEntry => ({
  action: 'account.signIn',
  outcome: 'failed',
  target: userId === null ? null : { kind: 'user', id: userId },
  reason,
});
