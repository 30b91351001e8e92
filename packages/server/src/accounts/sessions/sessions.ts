import type { SessionInfo, User } from '@muster/contract';
import { MusterError } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { type OpenDatabase, outsideUnit } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import type { AccountsConfig } from './config.ts';
import { createFindOpen, type Session } from './open.ts';
import { createSessionStore } from './store.ts';
import { clientOf } from './user-agent.ts';

/** `lastUsedAt` is written no more often, ms. */
const USED_EVERY_MS = 60_000;

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

/** Who is signed in. Tokens are opaque, and stored as hashes; what ends here has ended everywhere at the next request. */
export interface Sessions {
  /** Begins a session for somebody who has proved who they are; `bySecondFactor`: to an identity provider, with two. */
  begin(user: User, source: Source, bySecondFactor?: boolean): Promise<NewSession>;
  /** Whose token this is, or null. */
  of(token: string): Promise<Session | null>;
  /** What stands for a session token where the token shall not be kept. */
  idOf(token: string): string;
  /** Those of these sessions that have not ended, with the roles that their users have now. */
  open(ids: readonly string[]): Promise<ReadonlyMap<string, Session>>;
  /** Newest first. */
  list(userId: string, current: string | null): Promise<SessionInfo[]>;
  /** Signs out. */
  endByToken(token: string): Promise<void>;
  /** NOT_FOUND for one that the user does not have. */
  end(userId: string, sessionId: string): Promise<void>;
  /** All of a user, or all but one; how many. */
  endAll(userId: string, except?: string): Promise<number>;
  /** The user has just proved again who they are. */
  proved(sessionId: string): Promise<void>;
}

export function createSessions(deps: {
  readonly database: Pick<OpenDatabase, 'for' | 'pool'>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly log: Logger;
  readonly config: AccountsConfig;
}): Sessions {
  const { clock, bus, log } = deps;
  const longestMs = deps.config.sessionDays * 86_400_000;
  const idleMs = deps.config.sessionIdleHours * 3_600_000;
  const store = createSessionStore(deps.database.for());
  const findOpen = createFindOpen(deps.database.pool, deps.config.secondFactor);
  const touching = new Set<string>();
  const open = (ids: readonly string[]): Promise<Map<string, Session>> => {
    const now = clock.now();
    return findOpen(
      ids.map((id) => Buffer.from(id, 'hex')),
      now,
      now - idleMs,
    );
  };
  // requests that come together are one query, which leaves after they came: who has signed out is out
  const byId = createGather(open);
  const idOf = (token: string): string => hashSecret(token).toString('hex');

  /** No request waits for it. */
  function touch({ sessionId, lastUsedAt }: Session): void {
    const now = clock.now();
    if (now - lastUsedAt < USED_EVERY_MS || touching.has(sessionId)) return;
    touching.add(sessionId);
    outsideUnit(() => store.used(sessionId, now))
      .catch((error: unknown) => log.warn({ err: error }, 'the last use of a session was not written'))
      .finally(() => touching.delete(sessionId));
  }

  return {
    async begin(user, { address, userAgent }, bySecondFactor = false) {
      const token = newSecret();
      const now = clock.now();
      const expiresAt = now + longestMs;
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
        second_factor: bySecondFactor,
      });
      return { token, expiresAt, user };
    },

    async of(token) {
      const session = (await byId(idOf(token))) ?? null;
      if (session !== null) touch(session);
      return session;
    },
    idOf,
    open,

    async list(userId, current) {
      const now = clock.now();
      return (await store.list(userId, now, now - idleMs)).map((row) => ({
        sessionId: row.session_id,
        current: row.session_id === current,
        createdAt: row.created_at,
        lastUsedAt: row.last_used_at,
        expiresAt: Math.min(row.expires_at, row.last_used_at + idleMs),
        address: row.address,
        client: clientOf(row.user_agent),
      }));
    },

    async endByToken(token) {
      const session = await byId(idOf(token));
      await store.endByToken(hashSecret(token));
      if (session !== undefined) bus.publish('session.ended', { userId: session.user.userId });
    },

    async end(userId, sessionId) {
      if (!(await store.end(userId, sessionId))) throw new MusterError('NOT_FOUND', { sessionId });
      bus.publish('session.ended', { userId });
    },

    async endAll(userId, except) {
      const ended = await store.endAll(userId, except ?? null);
      if (ended > 0) bus.publish('session.ended', { userId });
      return ended;
    },

    proved: (sessionId) => store.proved(sessionId, clock.now()),
  };
}
