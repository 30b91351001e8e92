import { MusterError, type SetupRequest, type User } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, inOneUnit } from '../../platform/db/index.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import { checkPassword } from '../passwords/check.ts';
import { hashPassword } from '../passwords/hash.ts';
import { createUserStore, toUser, type UserRow, type UserTables } from './store.ts';

export interface Users {
  /** The token of a fresh set-up link while there is no administrator, else null. Makes the former link void. */
  setupToken(): Promise<string | null>;
  setupOpen(): Promise<boolean>;
  /** Uses the link and makes the first administrator. SETUP_DONE, SETUP_TOKEN_INVALID, PASSWORD_WEAK, PASSWORD_BREACHED. */
  setUp(request: SetupRequest): Promise<User>;
  /** For signing in; undefined when there is none. */
  byEmail(email: string): Promise<UserRow | undefined>;
  addOwner(siteId: string, userId: string): Promise<void>;
  /** Whether the user belongs to the site, with any role. */
  isMember(siteId: string, userId: string): Promise<boolean>;
}

export function createUsers(deps: { readonly db: Database<UserTables>; readonly clock: Clock }): Users {
  const { clock } = deps;
  const store = createUserStore(deps.db);

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
      checkPassword(request.password, { email: request.email, name: request.name });
      const tokenHash = hashSecret(request.token);
      const link = await store.setupLink();
      if (link === undefined || !link.token_hash.equals(tokenHash)) throw new MusterError('SETUP_TOKEN_INVALID');
      const now = clock.now();
      const row: UserRow = {
        user_id: newId(now),
        email: request.email.trim(),
        name: request.name.trim(),
        password_hash: await hashPassword(request.password),
        administrator: true,
        support: false,
        state: 'active',
        language: 'en',
        created_at: now,
      };
      await inOneUnit(async () => {
        if (!(await store.useSetupLink(tokenHash))) throw new MusterError('SETUP_TOKEN_INVALID');
        await store.insert(row);
      });
      return toUser(row);
    },

    byEmail: (email) => store.byEmail(email.trim()),
    addOwner: (siteId, userId) => store.addMember(siteId, userId, 'owner', clock.now()),
    isMember: (siteId, userId) => store.isMember(siteId, userId),
  };
}
