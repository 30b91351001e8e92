import type { Http } from '../platform/http/index.ts';
import type { Accounts } from './accounts.ts';
import { apiKeyRoutes } from './api-keys/routes.ts';
import { auditRoutes } from './audit/routes.ts';
import { oidcRoutes } from './oidc/index.ts';
import { pageRoutes } from './pages/routes.ts';
import { secondFactorRoutes } from './second-factor/routes.ts';
import { createEntry } from './sessions/entry.ts';
import { sessionRoutes } from './sessions/routes.ts';
import { invitationRoutes } from './users/invitation-routes.ts';
import { ownRoutes } from './users/own-routes.ts';
import { userRoutes } from './users/routes.ts';
import { setupRoutes } from './users/setup-routes.ts';

/** Every route about people, programs and the audit. */
export function accountRoutes(
  app: Http,
  accounts: Accounts,
  deps: {
    /** Epoch ms. */
    readonly now: () => number;
    /** `http.publicUrl` */
    readonly publicUrl: string | null;
    /** Makes the first site with its assistant for the first administrator. */
    readonly afterSetup: (userId: string, siteName: string) => Promise<void>;
  },
): void {
  const { users, invitations, credentials, sessions, signIn, factors, apiKeys, audit, book } = accounts;
  const { publicUrl, afterSetup } = deps;
  const entry = createEntry(publicUrl, sessions);
  pageRoutes(app, { setupOpen: () => users.setupOpen() });
  setupRoutes(app, { users, audit, welcome: entry.welcome, afterSetup });
  sessionRoutes(app, { sessions, signIn, publicUrl, now: deps.now, entry });
  oidcRoutes(app, { oidc: accounts.oidc, publicUrl, entry });
  ownRoutes(app, {
    users,
    credentials,
    audit,
    prove: (request, user, password) => signIn.prove(user, { kind: 'password', password }, entry.fromOf(request)),
  });
  secondFactorRoutes(app, factors, { publicUrl });
  userRoutes(app, users, credentials);
  invitationRoutes(app, { invitations, audit, welcome: entry.welcome });
  apiKeyRoutes(app, apiKeys);
  auditRoutes(app, book);
}
