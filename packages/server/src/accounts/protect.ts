import { bug } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http/index.ts';
import { type Access, createAccess, type Known } from './access.ts';
import { type ApiKeys, KEY_PREFIX, programOf } from './api-keys/api-keys.ts';
import type { Audit, Caller } from './audit/index.ts';
import { auditRequests, type Target } from './audit/requests.ts';
import { checkOrigin } from './door.ts';
import { type Action, permissionOf } from './permissions.ts';
import { sessionToken } from './sessions/cookie.ts';
import type { Sessions } from './sessions/sessions.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The row of the permission table that this route needs. A route without one does not start. */
    action?: Action;
    /** What an audited change is about. A route whose action is a change does not start without it. */
    target?: Target;
  }
  interface FastifyRequest {
    access: Access;
  }
}

/**
 * Puts the permission table in front of every route: a route names its action in `config.action`, who calls is found out
 * before the handler runs, and actions without a site are judged here. Routes of a site's things call
 * `request.access.allow(siteId)` once they know the site. What the table says of the audit is done here too.
 */
export function protectRoutes(
  app: Http,
  deps: {
    readonly sessions: Pick<Sessions, 'of'>;
    readonly apiKeys: Pick<ApiKeys, 'authenticate'>;
    readonly audit: Audit;
    readonly clock: Clock;
    /** Counts a request. RATE_LIMITED. */
    readonly count: (caller: Caller) => void;
    readonly base: () => string;
  },
): void {
  app.decorateRequest('access');
  app.addHook('onRoute', (route) => {
    const { config, method, url, schema } = route;
    if (isDocumentation(url)) return;
    const what = `route ${String(method)} ${url}`;
    if (config?.action === undefined) throw bug(`${what} names no action of the permission table`);
    if (permissionOf(config.action).audit === 'change' && config.target === undefined) {
      throw bug(`${what} changes something that is audited, and does not say what`);
    }
    if (schema?.hide === true && permissionOf(config.action).who !== 'anyone') {
      throw bug(`${what} is not for anyone, and hidden from the matrix of permissions`);
    }
    // shown in the documentation, and read by the test of the whole matrix
    route.schema = { ...schema, 'x-action': config.action } as NonNullable<typeof schema>;
  });
  // before the body is read: who is not signed in learns nothing of what a route expects
  app.addHook('onRequest', async (request: FastifyRequest) => {
    const { action } = request.routeOptions.config;
    if (action === undefined) return;
    const { who } = permissionOf(action);
    const token = who === 'anyone' && action !== 'account.begin' ? null : sessionToken(request);
    const known = await know(deps, request, token);
    request.access = createAccess(known, action, deps.clock.now());
    // devices have rates of their own, and whoever looks whether the server is well shall hear it
    if (who !== 'anyone' || action === 'account.begin') deps.count(known.caller);
    if (known.session !== null) checkOrigin(request, deps.base());
    // a role at a site can be judged only when the route knows the site; who is nobody, or may do it nowhere, and a key
    // that was not made for it are refused at once
    const { actor, sites } = request.access;
    if (typeof who === 'string' || actor?.kind !== 'user' || sites?.length === 0) request.access.allow(null);
    request.access.enter();
  });
  auditRequests(app, deps);
}

async function know(
  { sessions, apiKeys }: { readonly sessions: Pick<Sessions, 'of'>; readonly apiKeys: Pick<ApiKeys, 'authenticate'> },
  { ip: address, id: requestId }: FastifyRequest,
  token: string | null,
): Promise<Known> {
  const from = { address, requestId, sessionId: null };
  const nobody = { session: null, actor: null, caller: { ...from, actor: NOBODY } };
  if (token === null) return nobody;
  if (token.startsWith(KEY_PREFIX)) {
    const key = await apiKeys.authenticate(token, address);
    if (key === null) return nobody;
    const actor = { kind: 'key', id: key.keyId, name: key.name } as const;
    return { session: null, actor: programOf(key), caller: { ...from, actor } };
  }
  const session = await sessions.of(token);
  if (session === null) return nobody;
  const { actor, user, sessionId } = session;
  return {
    session,
    actor,
    caller: { ...from, sessionId, actor: { kind: 'user', id: user.userId, name: user.email } },
  };
}

const NOBODY = { kind: 'anonymous', id: null, name: null } as const;

/** The pages of the API documentation are registered by their plug-in; they show the shape of the API and no data. */
function isDocumentation(url: string): boolean {
  return url === '/api/docs' || url.startsWith('/api/docs/');
}
