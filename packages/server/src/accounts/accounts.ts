import { MusterError, type SetupRequest, type SignInRequest, type User } from '@muster/contract';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/index.ts';
import { createGather } from '../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../platform/ids.ts';
import { createRateLimiter } from '../platform/rate-limiter.ts';
import { checkPassword, hashPassword, verifyPassword } from './passwords.ts';
import { type AccountTables, createAccountStore, type Session, toUser } from './store.ts';

const SESSION_MS = 30 * 24 * 3_600_000;
const SIGN_INS_PER_MINUTE = 10;

export interface NewSession {
  readonly token: string;
  readonly expiresAt: number;
  readonly user: User;
}

export interface Accounts {
  /** The token of a fresh set-up link while there is no administrator, else null. Makes the former link void. */
  setupToken(): Promise<string | null>;
  setupOpen(): Promise<boolean>;
  /** Uses the link and makes the first administrator. SETUP_DONE, SETUP_TOKEN_INVALID, PASSWORD_WEAK. */
  setUp(request: SetupRequest): Promise<NewSession>;
  /** SIGN_IN_FAILED for a wrong password and for an unknown user alike; RATE_LIMITED past 10 a minute and source. */
  signIn(request: SignInRequest, source: string): Promise<NewSession>;
  /** Who a session token belongs to, or null. */
  session(token: string): Promise<Session | null>;
  /** What stands for a session token where the token shall not be kept. */
  sessionIdOf(token: string): string;
  /** Those of these sessions that have not ended, with the roles that their users have now. */
  sessions(sessionIds: readonly string[]): Promise<ReadonlyMap<string, Session>>;
  signOut(token: string): Promise<void>;
  addOwner(siteId: string, userId: string): Promise<void>;
  /** Whether the user belongs to the site, with any role. */
  isMember(siteId: string, userId: string): Promise<boolean>;
}

export function createAccounts(deps: { readonly db: Database<AccountTables>; readonly clock: Clock }): Accounts {
  const { clock } = deps;
  const store = createAccountStore(deps.db);
  const sessions = (ids: readonly string[]): Promise<Map<string, Session>> =>
    store.sessions(
      ids.map((id) => Buffer.from(id, 'hex')),
      clock.now(),
    );
  // requests that come together are one query, which leaves after they came: who has signed out is out
  const byId = createGather(sessions);
  const idOf = (token: string): string => hashSecret(token).toString('hex');
  const attempts = createRateLimiter(clock, { limit: SIGN_INS_PER_MINUTE, windowMs: 60_000 });

  async function begin(user: User): Promise<NewSession> {
    const token = newSecret();
    const now = clock.now();
    await store.createSession(hashSecret(token), user.userId, now, now + SESSION_MS);
    return { token, expiresAt: now + SESSION_MS, user };
  }

  return {
    setupOpen: async () => !(await store.hasAdministrator()),

    async setupToken() {
      if (await store.hasAdministrator()) return null;
      const token = newSecret();
      await store.replaceSetupLink(hashSecret(token), clock.now());
      return token;
    },

    async setUp(request) {
      if (await store.hasAdministrator()) throw new MusterError('SETUP_DONE');
      checkPassword(request.password);
      const tokenHash = hashSecret(request.token);
      const link = await store.setupLink();
      if (link === undefined || !link.token_hash.equals(tokenHash)) throw new MusterError('SETUP_TOKEN_INVALID');
      const now = clock.now();
      const row = {
        user_id: newId(now),
        email: request.email.trim(),
        name: request.name.trim(),
        password_hash: await hashPassword(request.password),
        administrator: true,
        created_at: now,
      };
      if (!(await store.createFirstAdministrator(row, tokenHash))) throw new MusterError('SETUP_TOKEN_INVALID');
      return begin(toUser(row));
    },

    async signIn(request, source) {
      const retryAfterMs = attempts.waitMs(source);
      if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
      attempts.count(source);
      const row = await store.userByEmail(request.email.trim());
      const right = await verifyPassword(request.password, row?.password_hash ?? null);
      if (row === undefined || !right) throw new MusterError('SIGN_IN_FAILED');
      return begin(toUser(row));
    },

    session: async (token) => (await byId(idOf(token))) ?? null,
    sessionIdOf: idOf,
    sessions,
    addOwner: (siteId, userId) => store.addMember(siteId, userId, 'owner', clock.now()),
    isMember: (siteId, userId) => store.isMember(siteId, userId),
    signOut: (token) => store.endSession(hashSecret(token)),
  };
}
