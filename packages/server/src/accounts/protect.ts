import { bug, MusterError } from '@muster/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Http } from '../platform/http/index.ts';
import type { Accounts } from './accounts.ts';
import { type Action, type Actor, judge, PERMISSIONS } from './permissions.ts';
import type { Session } from './store.ts';

/** What a route may ask about who calls it. */
export interface Access {
  /** Throws SIGN_IN_REQUIRED, FORBIDDEN, or NOT_FOUND for things of a site that the caller does not belong to. */
  allow(siteId: string | null): void;
  readonly session: Session | null;
  /** Sites the caller belongs to, or null for all of them. */
  readonly sites: readonly string[] | null;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The row of the permission table that this route needs. A route without one does not start. */
    action?: Action;
  }
  interface FastifyRequest {
    access: Access;
  }
}

export const SESSION_COOKIE = 'muster_session';

/**
 * Puts the permission table in front of every route: a route names its action in `config.action`, the session is read
 * before the handler runs, and actions without a site are judged here. Routes of a site's things call
 * `request.access.allow(siteId)` once they know the site.
 */
export function protectRoutes(app: Http, accounts: Accounts): void {
  app.decorateRequest('access');
  app.addHook('onRoute', (route) => {
    if (route.config?.action !== undefined || isDocumentation(route.url)) return;
    throw bug(`route ${String(route.method)} ${route.url} names no action of the permission table`);
  });
  // before the body is read: who is not signed in learns nothing of what a route expects
  app.addHook('onRequest', async (request: FastifyRequest, _reply: FastifyReply) => {
    const action = request.routeOptions.config.action;
    if (action === undefined) return;
    const permission = PERMISSIONS[action];
    const token = permission === 'anyone' && action !== 'account.begin' ? null : sessionToken(request);
    const session = token === null ? null : await accounts.session(token);
    request.access = createAccess(session, action);
    // a role at a site can be judged only when the route knows the site; a missing session is refused at once
    if (typeof permission === 'string' || session === null) request.access.allow(null);
  });
}

/** From the header (programs) or the cookie (browsers). */
export function sessionToken(request: FastifyRequest): string | null {
  const header = request.headers.authorization;
  if (header?.startsWith('Bearer ') === true) return header.slice('Bearer '.length);
  return request.cookies[SESSION_COOKIE] ?? null;
}

function createAccess(session: Session | null, action: Action): Access {
  const actor: Actor | null = session?.actor ?? null;
  return {
    session,
    sites: actor === null ? [] : actor.administrator ? null : [...actor.roles.keys()],
    allow(siteId) {
      const verdict = judge(actor, action, siteId);
      if (verdict === 'signIn') throw new MusterError('SIGN_IN_REQUIRED');
      if (verdict === 'forbidden') throw new MusterError('FORBIDDEN', { action });
      if (verdict === 'hidden') throw new MusterError('NOT_FOUND');
    },
  };
}

/** The pages of the API documentation are registered by their plug-in; they show the shape of the API and no data. */
function isDocumentation(url: string): boolean {
  return url === '/api/docs' || url.startsWith('/api/docs/');
}
