import { MusterError, type SignInPending } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, outsideUnit } from '../../platform/db/index.ts';
import { hashSecret, newSecret, sameBytes } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { createRateLimiter } from '../../platform/rate-limiter.ts';
import type { Audit } from '../audit/index.ts';
import type { NewSession } from '../sessions/sessions.ts';
import type { SignIn, SignInFrom } from '../sessions/sign-in.ts';
import type { Users } from '../users/users.ts';
import type { OidcConfig } from './config.ts';
import { createPeople } from './people.ts';
import { createProvider } from './provider.ts';
import { createRoles } from './roles.ts';
import { createOidcStore, type OidcTables } from './store.ts';

/** Signing in by the identity provider of the deployment. */
export interface Oidc {
  /** For the words of the pages. */
  readonly name: string;
  readonly contact: string | null;
  /** Where the browser goes, and what it keeps to show that it is the same one. SSO_UNAVAILABLE, RATE_LIMITED. */
  start(wanted: {
    readonly redirectUri: string;
    /** The person shall show themselves to the provider again: a proof. */
    readonly fresh: boolean;
    /** The session that this browser has now. */
    readonly session: { readonly userId: string; readonly sessionId: string } | null;
    readonly address: string;
  }): Promise<{ readonly url: string; readonly browser: string }>;
  /**
   * The browser came back with `search` (`?code=…&state=…`). SSO_FAILED, SSO_REFUSED, SSO_UNAVAILABLE, each time with a
   * row in the audit; RATE_LIMITED.
   */
  finish(
    back: { readonly search: string; readonly browser: string },
    from: SignInFrom,
  ): Promise<NewSession | SignInPending>;
}

/** How long somebody may take at the provider, ms. */
export const FLOW_MS = 10 * 60_000;
/** Requests of one address meanwhile, two for each sign-in: an office may share one. */
const MOST_REQUESTS = 600;

/** Null without a provider in the configuration. CONFIG_INVALID when half of one is there. */
export function createOidc(deps: {
  readonly config: OidcConfig;
  readonly db: Database<OidcTables>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly audit: Audit;
  readonly users: Users;
  readonly signIn: Pick<SignIn, 'bySso'>;
  /** Whether or not it is still open. */
  readonly endSession: (userId: string, sessionId: string) => Promise<void>;
  readonly hasSite: (siteId: string) => Promise<boolean>;
}): Oidc | null {
  const { config, clock, log, audit, users, signIn } = deps;
  const { issuer, clientId } = config;
  if (issuer === undefined && clientId === undefined) return null;
  if (issuer === undefined || clientId === undefined) {
    const say = 'accounts.oidc.issuer and accounts.oidc.clientId go together: set both or none.';
    throw new MusterError('CONFIG_INVALID', {}, { say });
  }
  const provider = createProvider({ ...config, issuer, clientId }, { clock, log });
  const store = createOidcStore(deps.db);
  const applyRoles = createRoles({ store, users, audit, log, hasSite: deps.hasSite });
  const admit = createPeople({ config, clock, store, users, audit, applyRoles });
  const asked = createRateLimiter(clock, { limit: MOST_REQUESTS, windowMs: FLOW_MS });

  async function take({ search, browser }: { readonly search: string; readonly browser: string }) {
    const state = new URLSearchParams(search).get('state') ?? '';
    const flow = await store.takeFlow(hashSecret(state), clock.now());
    if (flow === undefined) throw new MusterError('SSO_FAILED', { why: 'state is unknown, used or too old' });
    if (!sameBytes(hashSecret(browser), flow.browser_hash)) {
      throw new MusterError('SSO_FAILED', { why: 'another browser began it' });
    }
    const { nonce, code_verifier: codeVerifier, redirect_uri: redirectUri, fresh } = flow;
    return { flow, checks: { state, nonce, codeVerifier, redirectUri, fresh } };
  }

  /** Nobody is told more than that it failed; whoever runs the server reads why. */
  async function note(error: unknown): Promise<void> {
    if (!(error instanceof MusterError) || !error.code.startsWith('SSO_')) return;
    const { why = null, userId = null } = error.context as { readonly why?: string; readonly userId?: string | null };
    await outsideUnit(() =>
      audit.append({
        action: 'account.signIn',
        outcome: 'failed',
        target: userId === null ? null : { kind: 'user', id: userId },
        reason: `sso: ${why ?? error.code}`,
      }),
    );
  }

  return {
    name: config.name,
    contact: config.contact ?? null,

    async start({ redirectUri, fresh, session, address }) {
      asked.take(address);
      const [state, nonce, codeVerifier, browser] = [newSecret(), newSecret(), newSecret(), newSecret()];
      const url = await provider.authorizationUrl({ state, nonce, codeVerifier, redirectUri, fresh });
      const now = clock.now();
      const row = {
        state_hash: hashSecret(state),
        browser_hash: hashSecret(browser),
        nonce,
        code_verifier: codeVerifier,
        redirect_uri: redirectUri,
        fresh,
        session_id: session?.sessionId ?? null,
        session_user_id: session?.userId ?? null,
        expires_at: now + FLOW_MS,
      };
      await store.addFlow(row, now);
      return { url: url.href, browser };
    },

    async finish(back, from) {
      asked.take(from.address);
      try {
        const { flow, checks } = await take(back);
        const identity = await provider.identify(new URL(flow.redirect_uri + back.search), checks);
        const row = await admit(identity);
        const done = await signIn.bySso(row, identity.hasSecondFactor, from);
        const { session_id: before, session_user_id: beforeUser } = flow;
        if (!('pending' in done) && before !== null && beforeUser !== null) await deps.endSession(beforeUser, before);
        return done;
      } catch (error) {
        await note(error);
        throw error;
      }
    },
  };
}
