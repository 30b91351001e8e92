import { MusterError } from '@muster/contract';
import type { Caller } from './audit/index.ts';
import { type Action, type Actor, judge, judgeSelf, permissionOf, type Verdict } from './permissions.ts';
import type { Session } from './sessions/open.ts';

/** What a route may ask about who calls it. */
export interface Access {
  /**
   * Throws SIGN_IN_REQUIRED, FORBIDDEN, STEP_UP_REQUIRED, or NOT_FOUND for things of a site that the caller does not
   * belong to. `action` when it is another than the route's.
   */
  allow(siteId: string | null, action?: Action): void;
  /** Throws SECOND_FACTOR_REQUIRED or STEP_UP_REQUIRED: what the route asks of the person, at whatever site. */
  enter(): void;
  /** Throws FORBIDDEN for a program: this is for people. */
  person(): Session;
  /** Null for programs and for nobody. */
  readonly session: Session | null;
  readonly actor: Actor | null;
  readonly caller: Caller;
  /** Sites where the caller may do what the route does, or null for all of them. */
  readonly sites: readonly string[] | null;
  /** What was asked last, and how it was judged. */
  readonly judged: { readonly action: Action; readonly siteId: string | null; readonly verdict: Verdict } | null;
}

/** Who calls: a person with a session, a program with a key, or nobody. */
export interface Known {
  readonly session: Session | null;
  readonly actor: Actor | null;
  readonly caller: Caller;
}

export function createAccess({ session, actor, caller }: Known, of: Action, now: number): Access {
  let judged: Access['judged'] = null;
  return {
    session,
    actor,
    caller,
    sites: sitesOf(actor, of),
    person() {
      if (session === null) throw new MusterError('FORBIDDEN');
      return session;
    },
    get judged() {
      return judged;
    },
    enter() {
      if (actor?.kind !== 'user' || typeof permissionOf(of).who === 'string') return;
      const verdict = judgeSelf(actor, of, now);
      if (verdict !== 'allowed') settle(verdict, null, of);
    },
    allow: (siteId, action = of) => settle(judge(actor, action, siteId, now), siteId, action),
  };

  function settle(verdict: Verdict, siteId: string | null, action: Action): void {
    judged = { action, siteId, verdict };
    switch (verdict) {
      case 'allowed':
        return;
      case 'signIn':
        throw new MusterError('SIGN_IN_REQUIRED');
      case 'stepUp':
        throw new MusterError('STEP_UP_REQUIRED', { action });
      case 'factor':
        throw new MusterError('SECOND_FACTOR_REQUIRED', { action });
      case 'hidden':
        throw new MusterError('NOT_FOUND');
      case 'forbidden':
        throw new MusterError('FORBIDDEN', { action });
    }
  }
}

function sitesOf(actor: Actor | null, action: Action): readonly string[] | null {
  if (actor === null) return [];
  if (actor.kind === 'key') return actor.siteId === null ? null : [actor.siteId];
  const { who, support } = permissionOf(action);
  if (actor.administrator || (actor.support && support === true)) return null;
  const found = [...actor.roles];
  return (typeof who === 'string' ? found : found.filter(([, role]) => who.includes(role))).map(([siteId]) => siteId);
}
