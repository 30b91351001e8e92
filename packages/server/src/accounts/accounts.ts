import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { OpenDatabase } from '../platform/db/index.ts';
import { type ApiKeys, createApiKeys } from './api-keys/api-keys.ts';
import { type Audit, createAudit } from './audit/index.ts';
import { createSessions, type Sessions } from './sessions/sessions.ts';
import { createUsers, type Users } from './users/users.ts';

/** People and programs, what they may do, and what they did. */
export interface Accounts {
  readonly users: Users;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeys;
  readonly audit: Audit;
}

export function createAccounts(deps: {
  readonly database: Pick<OpenDatabase, 'for'>;
  readonly clock: Clock;
  readonly bus: Bus;
}): Accounts {
  const { database, clock, bus } = deps;
  const audit = createAudit({ db: database.for(), clock });
  const users = createUsers({ db: database.for(), clock });
  const sessions = createSessions({ db: database.for(), clock, users });
  const apiKeys = createApiKeys({ db: database.for(), clock, bus });
  return { users, sessions, apiKeys, audit };
}
