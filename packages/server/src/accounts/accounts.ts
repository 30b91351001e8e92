import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import { MusterError, type Site } from '@muster/contract';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { OpenDatabase } from '../platform/db/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Mailer } from '../platform/mail/index.ts';
import type { Vault } from '../platform/vault/index.ts';
import { type ApiKeys, createApiKeys } from './api-keys/api-keys.ts';
import {
  type Audit,
  type AuditBook,
  type Caller,
  createAudit,
  createAuditBook,
  createSealer,
  newSigningKey,
  type Sealer,
} from './audit/index.ts';
import type { AccountsConfig } from './config.ts';
import { createCallerRates } from './door.ts';
import { createOidc, type Oidc } from './oidc/index.ts';
import { createSecondFactor, type SecondFactor } from './second-factor/index.ts';
import { createSessions, type Sessions } from './sessions/sessions.ts';
import { createSignIn, type SignIn } from './sessions/sign-in.ts';
import { clientOf } from './sessions/user-agent.ts';
import { type Credentials, createCredentials } from './users/credentials.ts';
import { createInvitations, type Invitations } from './users/invitations.ts';
import { createPost } from './users/post.ts';
import { createUsers, type Users } from './users/users.ts';

/** People and programs, what they may do, and what they did. */
export interface Accounts {
  readonly users: Users;
  readonly invitations: Invitations;
  readonly credentials: Credentials;
  readonly sessions: Sessions;
  readonly signIn: SignIn;
  /** Null without an identity provider. */
  readonly oidc: Oidc | null;
  readonly factors: SecondFactor;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  readonly book: AuditBook;
  readonly sealer: Sealer;
  /** Counts a request of a caller. RATE_LIMITED. */
  readonly count: (caller: Caller) => void;
  /** Where people reach this server. */
  readonly base: () => string;
}

export async function createAccounts(deps: {
  readonly database: Pick<OpenDatabase, 'for' | 'pool'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly vault: Vault;
  readonly mailer: Mailer;
  readonly config: AccountsConfig;
  readonly dataDir: string;
  /** Where people reach this server, without a slash at the end. */
  readonly base: () => string;
  /** A line for whoever runs the server. */
  readonly print: (line: string) => void;
  /** NOT_FOUND. */
  readonly siteOf: (siteId: string) => Promise<Site>;
}): Promise<Accounts> {
  const { database, clock, log, bus, vault, config } = deps;
  const { pool } = database;
  const audit = createAudit({ pool, clock });
  const pem = await vault.secret('audit signing key', newSigningKey);
  const headFile = join(deps.dataDir, 'audit-head.json');
  const sealer = createSealer({ pool, clock, log, key: createPrivateKey(pem), headFile });
  const book = createAuditBook({ pool, sealer });

  const post = createPost({ mailer: deps.mailer, clock, log, base: deps.base, print: deps.print });
  const factors = createSecondFactor({ db: database.for(), clock, vault });
  const sessions = createSessions({ database, clock, bus, log, config });
  const users = createUsers({
    db: database.for(),
    clock,
    bus,
    sessions,
    kindOf: async (siteId) => (await deps.siteOf(siteId)).kind,
  });
  const signIn = createSignIn({
    db: database.for(),
    clock,
    audit,
    sessions,
    factors,
    users,
    onNewSource: (user, { address, userAgent }) =>
      post.send('newSignIn', { at: clock.now(), agent: clientOf(userAgent), address }, user, '/account'),
  });
  const siteName = async (siteId: string): Promise<string> => (await deps.siteOf(siteId)).name;
  const invitations = createInvitations({ db: database.for(), clock, users, post, siteName });
  const credentials = createCredentials({
    db: database.for(),
    clock,
    bus,
    users,
    sessions,
    post,
    log,
    invitations,
    selfRegistration: config.selfRegistration,
  });
  const apiKeys = createApiKeys({ db: database.for(), clock, bus });
  const oidc = createOidc({
    config: config.oidc,
    db: database.for(),
    clock,
    log,
    audit,
    users,
    signIn,
    endSession: async (userId, sessionId) => void (await orNull(sessions.end(userId, sessionId))),
    hasSite: async (siteId) => (await orNull(deps.siteOf(siteId))) !== null,
  });
  const count = createCallerRates(clock, config.requestsPerSecond);
  const { base } = deps;
  return {
    users,
    invitations,
    credentials,
    sessions,
    signIn,
    oidc,
    factors,
    apiKeys,
    audit,
    book,
    sealer,
    count,
    base,
  };
}

/** Null when there is no such thing. */
async function orNull<T>(found: Promise<T>): Promise<T | null> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof MusterError && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}
