import { ErrorReply, MeReply, SessionReply, SetupRequest, SignInRequest } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { inOneUnit } from '../platform/db/index.ts';
import type { Http } from '../platform/http/index.ts';
import type { Accounts } from './accounts.ts';
import { setupPage } from './pages/setup-page.ts';
import { SESSION_COOKIE, sessionToken } from './protect.ts';
import type { NewSession, Source } from './sessions/sessions.ts';

export function accountRoutes(
  app: Http,
  { users, sessions, audit }: Pick<Accounts, 'users' | 'sessions' | 'audit'>,
  hooks: {
    /** Makes the first site with its assistant for the first administrator. */
    readonly afterSetup: (userId: string, siteName: string) => Promise<void>;
  },
): void {
  const tags = ['accounts'];

  app.get('/setup', { config: { action: 'account.begin' }, schema: { hide: true } }, async (_request, reply) => {
    const page = setupPage(await users.setupOpen());
    return reply.header('content-security-policy', page.policy).type('text/html; charset=utf-8').send(page.html);
  });

  app.post(
    '/api/setup',
    {
      config: { action: 'account.begin' },
      schema: {
        tags,
        summary: 'Use the set-up link: make the first administrator and their first site',
        body: SetupRequest,
        response: { 201: SessionReply, '4xx': ErrorReply },
      },
    },
    async (request, reply) => {
      const user = await inOneUnit(async () => {
        const made = await users.setUp(request.body);
        await hooks.afterSetup(made.userId, request.body.siteName ?? 'Home');
        await audit.append({ action: 'user.create', target: { kind: 'user', id: made.userId }, after: made });
        return made;
      });
      const session = await sessions.begin(user, sourceOf(request));
      return reply
        .status(201)
        .setCookie(...cookie(session, request.protocol))
        .send(session);
    },
  );

  app.post(
    '/api/sessions',
    {
      config: { action: 'account.begin' },
      schema: { tags, summary: 'Sign in', body: SignInRequest, response: { 201: SessionReply, '4xx': ErrorReply } },
    },
    async (request, reply) => {
      const session = await sessions.signIn(request.body, sourceOf(request));
      return reply
        .status(201)
        .setCookie(...cookie(session, request.protocol))
        .send(session);
    },
  );

  app.delete(
    '/api/sessions/current',
    {
      config: { action: 'account.own' },
      schema: { tags, summary: 'Sign out', response: { 204: Type.Null(), '4xx': ErrorReply } },
    },
    async (request, reply) => {
      await sessions.end(sessionToken(request) ?? '');
      return reply.status(204).clearCookie(SESSION_COOKIE, { path: '/' }).send(null);
    },
  );

  app.get(
    '/api/me',
    {
      config: { action: 'account.own' },
      schema: { tags, summary: 'Who is signed in', response: { 200: MeReply, '4xx': ErrorReply } },
    },
    async (request) => {
      const { session } = request.access;
      if (session === null) return request.access.allow(null) as never;
      const memberships = [...session.actor.roles].map(([siteId, role]) => ({ siteId, role }));
      return { user: session.user, memberships };
    },
  );
}

function sourceOf({ ip, headers }: FastifyRequest): Source {
  return { address: ip, userAgent: headers['user-agent']?.slice(0, 300) ?? null };
}

function cookie(session: NewSession, protocol: string) {
  const options = {
    path: '/',
    httpOnly: true,
    sameSite: 'strict',
    secure: protocol === 'https',
    expires: new Date(session.expiresAt),
  } as const;
  return [SESSION_COOKIE, session.token, options] as const;
}
