import { ErrorReply, SessionReply, SetupRequest } from '@muster/contract';
import { inOneUnit } from '../../platform/db/index.ts';
import type { Http } from '../../platform/http/index.ts';
import type { Audit } from '../audit/index.ts';
import type { Entry } from '../sessions/entry.ts';
import type { Users } from './users.ts';

/** The first administrator of a new server. */
export function setupRoutes(
  app: Http,
  deps: {
    readonly users: Users;
    readonly audit: Audit;
    readonly welcome: Entry['welcome'];
    /** Makes the first site with its assistant for the first administrator. */
    readonly afterSetup: (userId: string, siteName: string) => Promise<void>;
  },
): void {
  const { users, audit } = deps;

  app.post(
    '/api/setup',
    {
      config: { action: 'account.begin' },
      schema: {
        tags: ['people'],
        summary: 'Use the set-up link: make the first administrator and their first site',
        body: SetupRequest,
        response: { 201: SessionReply, '4xx': ErrorReply },
      },
    },
    async (request, reply) => {
      const user = await inOneUnit(async () => {
        const made = await users.setUp(request.body);
        await deps.afterSetup(made.userId, request.body.siteName ?? 'Home');
        await audit.append({ action: 'user.create', target: { kind: 'user', id: made.userId }, after: made });
        return made;
      });
      return reply.status(201).send(await deps.welcome(request, reply, user));
    },
  );
}
