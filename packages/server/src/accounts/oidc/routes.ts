import { ErrorReply, MusterError, SsoInfo, SsoStart } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { asMusterError } from '../../platform/http/errors.ts';
import type { Http } from '../../platform/http/index.ts';
import { sendNotice } from '../pages/routes.ts';
import type { Entry } from '../sessions/entry.ts';
import { setBrowserCookie, takeBrowserCookie } from './cookie.ts';
import type { Oidc } from './oidc.ts';
import { CALLBACK_PATH, redirectUriOf } from './place.ts';
import { ownPath } from './return-path.ts';

/** Signing in by the identity provider: what a browser walks through. `oidc` null: there is none. */
export function oidcRoutes(
  app: Http,
  deps: {
    readonly oidc: Oidc | null;
    readonly publicUrl: string | null;
    readonly entry: Pick<Entry, 'fromOf' | 'keep'>;
  },
): void {
  const { oidc, publicUrl, entry } = deps;
  const tags = ['sessions'];
  const failures = { '4xx': ErrorReply, 503: ErrorReply };
  const config = { action: 'account.begin' } as const;

  const provider = (): Oidc => {
    if (oidc === null) throw new MusterError('NOT_FOUND');
    return oidc;
  };

  app.get(
    '/api/oidc',
    {
      config,
      schema: { tags, summary: 'Whether people can sign in by an identity provider', response: { 200: SsoInfo } },
    },
    async () => ({ name: oidc?.name ?? null }),
  );

  app.get(
    '/api/oidc/start',
    {
      config,
      schema: {
        tags,
        summary: 'Sends a browser to the identity provider',
        querystring: SsoStart,
        response: { 302: Type.Null({ description: 'To the provider' }), ...failures },
      },
    },
    (request, reply) =>
      orNotice(request, reply, async () => {
        const { returnTo: wanted = '/account', fresh } = request.query;
        const returnTo = ownPath(wanted);
        const { session } = request.access;
        const { url, browser } = await provider().start({
          redirectUri: redirectUriOf(request, publicUrl),
          fresh,
          session: session === null ? null : { userId: session.user.userId, sessionId: session.sessionId },
          address: request.ip,
        });
        setBrowserCookie(request, reply, { browser, returnTo }, publicUrl);
        return leave(reply, url);
      }),
  );

  app.get(
    CALLBACK_PATH,
    {
      config,
      schema: {
        tags,
        summary: 'Takes a browser back from the identity provider, signs it in, and sends it on',
        response: { 302: Type.Null({ description: 'To where it wanted to go' }), ...failures },
      },
    },
    (request, reply) =>
      orNotice(request, reply, async () => {
        const one = provider();
        const { browser, returnTo } = takeBrowserCookie(request, reply, publicUrl);
        const onward = ownPath(returnTo);
        const search = new URL(request.url, 'http://here.invalid').search;
        const done = await one.finish({ search, browser }, entry.fromOf(request));
        if ('pending' in done) {
          // behind the #: it reaches no server, no log and no other page
          return leave(reply, `/sign-in#second=${Buffer.from(JSON.stringify(done)).toString('base64url')}`);
        }
        await entry.keep(request, reply, done);
        return leave(reply, onward);
      }),
  );

  /** People see a page; programs get what they get everywhere. */
  async function orNotice(request: FastifyRequest, reply: FastifyReply, task: () => Promise<FastifyReply>) {
    try {
      return await task();
    } catch (error) {
      const known = asMusterError(error);
      const isForPeople = request.headers.accept?.includes('text/html') === true && known.code.startsWith('SSO_');
      if (!isForPeople || oidc === null) throw error;
      return sendNotice(request, reply, known, oidc);
    }
  }
}

function leave(reply: FastifyReply, url: string): FastifyReply {
  return reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').redirect(url, 302);
}
