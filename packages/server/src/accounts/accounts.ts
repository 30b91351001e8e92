import { createPrivateKey } from 'node:crypto';
import { join } from 'node:path';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { OpenDatabase } from '../platform/db/index.ts';
import type { Logger } from '../platform/log.ts';
import type { Vault } from '../platform/vault/index.ts';
import { type ApiKeys, createApiKeys } from './api-keys/api-keys.ts';
import {
  type Audit,
  type AuditBook,
  createAudit,
  createAuditBook,
  createSealer,
  newSigningKey,
  type Sealer,
} from './audit/index.ts';
import { createSecondFactor, type SecondFactor } from './second-factor/index.ts';
import { createSessions, type Sessions } from './sessions/sessions.ts';
import { createUsers, type Users } from './users/users.ts';

/** People and programs, what they may do, and what they did. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
  readonly book: AuditBook;
  readonly sealer: Sealer;
  readonly factors: SecondFactor;
}

export async function createAccounts(deps: {
  readonly database: Pick<OpenDatabase, 'for' | 'pool'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: Bus;
  readonly vault: Vault;
  readonly dataDir: string;
}): Promise<Accounts> {
  const { database, clock, log, bus, vault } = deps;
  const { pool } = database;
  const audit = createAudit({ db: database.for(), clock });
  const users = createUsers({ db: database.for(), clock });
  const sessions = createSessions({ db: database.for(), clock, users });
  const apiKeys = createApiKeys({ db: database.for(), clock, bus });
  const pem = await vault.secret('audit signing key', newSigningKey);
  const headFile = join(deps.dataDir, 'audit-head.json');
  const sealer = createSealer({ pool, clock, log, key: createPrivateKey(pem), headFile });
  const book = createAuditBook({ pool, sealer });
  const factors = createSecondFactor({ db: database.for(), clock, vault });
  return { users, sessions, apiKeys, audit, book, sealer, factors };
}
