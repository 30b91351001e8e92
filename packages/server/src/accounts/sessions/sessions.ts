import { MusterError, type SignInRequest, type User } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import { createRateLimiter } from '../../platform/rate-limiter.ts';
import { verifyPassword } from '../passwords/hash.ts';
import { toUser } from '../users/store.ts';
import type { Users } from '../users/users.ts';
import { createSessionStore, type Session, type SessionTables } from './store.ts';

const SESSION_MS = 30 * 24 * 3_600_000;
const SIGN_INS_PER_MINUTE = 10;

export interface NewSession {
  readonly token: string;
  readonly expiresAt: number;
  readonly user: User;
}

/** From where a session is begun. */
export interface Source {
  readonly address: string;
  readonly userAgent: string | null;
}

export interface Sessions {
  /** SIGN_IN_FAILED for a wrong password and for an unknown user alike; RATE_LIMITED past 10 a minute and source. */
  signIn(request: SignInRequest, source: Source): Promise<NewSession>;
  /** Begins a session for somebody who has proved who they are. */
  begin(user: User, source: Source): Promise<NewSession>;
  /** Whose token this is, or null. */
  of(token: string): Promise<Session | null>;
  /** What stands for a session token where the token shall not be kept. */
  idOf(token: string): string;
  /** Those of these sessions that have not ended, with the roles that their users have now. */
  open(ids: readonly string[]): Promise<ReadonlyMap<string, Session>>;
  end(token: string): Promise<void>;
}

export function createSessions(deps: {
  readonly db: Database<SessionTables>;
  readonly clock: Clock;
  readonly users: Pick<Users, 'byEmail'>;
}): Sessions {
  const { clock } = deps;
  const store = createSessionStore(deps.db);
  const open = (ids: readonly string[]): Promise<Map<string, Session>> =>
    store.find(
      ids.map((id) => Buffer.from(id, 'hex')),
      clock.now(),
    );
  // requests that come together are one query, which leaves after they came: who has signed out is out
  const byId = createGather(open);
  const idOf = (token: string): string => hashSecret(token).toString('hex');
  const attempts = createRateLimiter(clock, { limit: SIGN_INS_PER_MINUTE, windowMs: 60_000 });

  async function begin(user: User, { address, userAgent }: Source): Promise<NewSession> {
    const token = newSecret();
    const now = clock.now();
    const expiresAt = now + SESSION_MS;
    await store.insert({
      token_hash: hashSecret(token),
      session_id: newId(now),
      user_id: user.userId,
      created_at: now,
      last_used_at: now,
      expires_at: expiresAt,
      proved_at: now,
      address,
      user_agent: userAgent,
    });
    return { token, expiresAt, user };
  }

  return {
    begin,
    async signIn(request, source) {
      const retryAfterMs = attempts.waitMs(source.address);
      if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
      attempts.count(source.address);
      const row = await deps.users.byEmail(request.email);
      const right = await verifyPassword(request.password, row?.password_hash ?? null);
      if (row === undefined || !right) throw new MusterError('SIGN_IN_FAILED');
      return begin(toUser(row), source);
    },
    of: async (token) => (await byId(idOf(token))) ?? null,
    idOf,
    open,
    end: (token) => store.end(hashSecret(token)),
  };
}
