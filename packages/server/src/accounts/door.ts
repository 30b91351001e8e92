import { MusterError } from '@muster/contract';
import type { FastifyRequest } from 'fastify';
import { type ClientRates, createClientRates } from '../platform/client-rate.ts';
import type { Clock } from '../platform/clock.ts';
import type { Caller } from './audit/index.ts';

/** Methods that change nothing: https://www.rfc-editor.org/rfc/rfc9110#section-9.2.1 */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
/** Bodies that a form of any page can send without asking: https://fetch.spec.whatwg.org/#cors-safelisted-request-header */
const OF_FORMS = /^\s*(?:text\/plain|multipart\/form-data|application\/x-www-form-urlencoded)\b/i;

/**
 * A browser sends our cookie along whoever's page it shows, so a change that is known by the cookie must come from a page
 * of this server: FORBIDDEN when the browser says that it does not, or when it says nothing and the body is one of a
 * form. The cookie is `SameSite=Strict` besides; this holds where a browser does not heed it, or another host of the same
 * site asks. Programs bring their token in the header, and no page can.
 */
export function checkOrigin({ method, headers, host }: FastifyRequest, publicUrl: string): void {
  if (headers.authorization !== undefined || SAFE.has(method)) return;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  // the host alone: a proxy may speak https for us
  const ours = [host, new URL(publicUrl).host];
  const isOurs =
    origin === undefined
      ? site === undefined || site === 'same-origin'
      : ours.includes(URL.parse(origin)?.host ?? 'of no page');
  const isForm = OF_FORMS.test(headers['content-type'] ?? '');
  if (!isOurs || isForm) {
    throw new MusterError('FORBIDDEN', {}, { say: 'Changes are taken from pages of this server only, as JSON.' });
  }
}

/** Requests of one user or key, or of one address whose callers are nobody. RATE_LIMITED past the rate. */
export function createCallerRates(clock: Clock, perSecond: number): (caller: Caller) => void {
  const rates: ClientRates = createClientRates(clock, perSecond, Number.MAX_SAFE_INTEGER);
  return ({ actor, address }) => {
    const rate = rates.of(actor.id === null ? `at ${address}` : `${actor.kind} ${actor.id}`);
    const retryAfterMs = rate.waitMs();
    if (retryAfterMs > 0) throw new MusterError('RATE_LIMITED', { retryAfterMs });
    rate.take(0);
  };
}
