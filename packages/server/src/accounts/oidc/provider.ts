import { MusterError } from '@muster/contract';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type Configuration,
  calculatePKCECodeChallenge,
  clockTolerance,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client';
import type { Logger } from '../../platform/log.ts';
import { boundedFetch } from './bounded-fetch.ts';
import { type Identity, readClaims } from './claims.ts';
import type { OidcConfig } from './config.ts';

/** What a sign-in is made of on the way to the provider and back. */
export interface Checks {
  readonly state: string;
  readonly nonce: string;
  readonly codeVerifier: string;
  readonly redirectUri: string;
  /** The person must show themselves to the provider now, whatever it remembers. */
  readonly fresh: boolean;
}

/** The identity provider: asked at need, and never at the start of the server. */
export interface Provider {
  /** Where the browser goes. SSO_UNAVAILABLE. */
  authorizationUrl(checks: Checks): Promise<URL>;
  /**
   * Who came back. `answer` is the redirect URI with what the provider appended. SSO_UNAVAILABLE; SSO_FAILED when anything
   * of the answer or of the id token is not as it must be.
   */
  identify(answer: URL, checks: Checks): Promise<Identity>;
}

/** One request to the provider, s. */
const TIMEOUT_S = 5;
/** Clocks of two machines may differ by so much, s. */
const SKEW_S = 60;
/** Its discovery document is read again after that, ms. */
const KEPT_MS = 3_600_000;
/** Signatures that need a private key; never `none`, never a shared secret. */
const ALGORITHMS = /^(RS|PS|ES)(256|384|512)$|^(EdDSA|Ed25519)$/;

export function createProvider(
  config: OidcConfig & { readonly issuer: string; readonly clientId: string },
  deps: { readonly clock: { monotonic(): number }; readonly log: Logger },
): Provider {
  const server = new URL(config.issuer);
  let known: { readonly at: number; readonly found: Promise<Configuration> } | null = null;

  async function discover(): Promise<Configuration> {
    try {
      const found = await discovery(
        server,
        config.clientId,
        {
          [clockTolerance]: SKEW_S,
          ...(config.clientSecret === undefined ? {} : { client_secret: config.clientSecret }),
        },
        config.clientSecret === undefined ? None() : undefined,
        {
          [customFetch]: boundedFetch,
          timeout: TIMEOUT_S,
          // the id token comes over TLS from the provider itself; its signature is checked all the same
          execute: [enableNonRepudiationChecks, ...(server.protocol === 'http:' ? [allowInsecureRequests] : [])],
        },
      );
      // an issuer for everybody's tenants would let in whoever makes one
      const { issuer } = found.serverMetadata();
      if (URL.parse(issuer)?.href !== server.href) {
        throw new MusterError('SSO_UNAVAILABLE', { issuer, why: 'the document is of another issuer' });
      }
      return found;
    } catch (cause) {
      throw unavailable(cause);
    }
  }

  /** Those who come together wait for one document; a failure is not kept. */
  function configuration(): Promise<Configuration> {
    const now = deps.clock.monotonic();
    if (known === null || now - known.at > KEPT_MS) {
      const found = discover();
      const mine = { at: now, found };
      known = mine;
      found.catch(() => {
        if (known === mine) known = null;
      });
    }
    return known.found;
  }

  function unavailable(cause: unknown): MusterError {
    const found = musterErrorIn(cause) ?? new MusterError('SSO_UNAVAILABLE', { host: server.host }, { cause });
    deps.log.warn({ err: cause, host: server.host }, 'the identity provider cannot be used');
    return found;
  }

  return {
    async authorizationUrl({ state, nonce, codeVerifier, redirectUri, fresh }) {
      return buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: config.scopes.join(' '),
        state,
        nonce,
        code_challenge: await calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        ...(fresh ? { prompt: 'login', max_age: '0' } : {}),
      });
    },

    async identify(answer, { state, nonce, codeVerifier, fresh }) {
      const found = await configuration();
      try {
        const tokens = await authorizationCodeGrant(found, answer, {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: codeVerifier,
          idTokenExpected: true,
          ...(fresh ? { maxAge: 0 } : {}),
        });
        const claims = tokens.claims();
        if (claims === undefined || tokens.id_token === undefined) throw failed('no id token');
        const { alg } = JSON.parse(Buffer.from(tokens.id_token.split('.')[0] ?? '', 'base64url').toString()) as {
          readonly alg?: unknown;
        };
        // what openid-client leaves open: OpenID Connect Core, section 3.1.3.7, numbers 5, 7 and 10
        if (typeof alg !== 'string' || !ALGORITHMS.test(alg)) throw failed('algorithm of the signature');
        if (claims.azp !== undefined && claims.azp !== config.clientId) throw failed('azp');
        if (claims.iat > Date.now() / 1_000 + SKEW_S) throw failed('iat');
        const identity = readClaims(claims, config);
        if (identity === null) throw failed('the provider left out the groups: let it send those of this server only');
        return identity;
      } catch (cause) {
        const own = musterErrorIn(cause);
        if (own?.code === 'SSO_UNAVAILABLE') throw unavailable(cause);
        deps.log.warn({ err: cause, host: server.host }, 'an answer of the identity provider was refused');
        throw own ?? failed(cause instanceof Error ? reasonOf(cause) : 'refused', cause);
      }
    },
  };
}

const failed = (why: string, cause?: unknown): MusterError => new MusterError('SSO_FAILED', { why }, { cause });

/** `access_denied` of the provider, or what the library found wrong, with the claim it is about. */
function reasonOf(error: Error & { readonly error?: unknown; readonly code?: unknown }): string {
  const { cause } = error as { readonly cause?: unknown };
  const why = cause instanceof Error && error.message.length < cause.message.length ? cause.message : error.message;
  return (typeof error.error === 'string' ? `the provider says ${error.error}` : why).slice(0, 200);
}

/** Ours, under what the library put around it. */
function musterErrorIn(error: unknown): MusterError | null {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof MusterError) return at;
  return null;
}
