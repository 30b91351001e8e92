import type { Role } from '@muster/contract';

/** Everybody who belongs to a site. */
const ANY_MEMBER = ['owner', 'operator', 'viewer', 'guardian'] as const;
const OPERATORS = ['owner', 'operator'] as const;
const OWNERS = ['owner'] as const;

export interface Permission {
  /**
   * `anyone` needs no session, `user` any session, `administrator` a server administrator. A list are the roles at the
   * site that owns the thing; an administrator may do those at every site.
   */
  readonly who: 'anyone' | 'user' | 'administrator' | readonly Role[];
  /**
   * What the audit keeps of it: `change`, a row in the transaction of the change; `read`, a row before the answer
   * leaves; `own`, the feature writes it itself, because what it does is more than one request. Nothing when left out.
   */
  readonly audit?: 'change' | 'read' | 'own';
  /** People must have proved lately that it is them; see `PROOF_MS`. */
  readonly stepUp?: true;
  /** People who support this server may do it at every site: it shows devices, never words or children. */
  readonly support?: true;
  /** An API key can be made for it. */
  readonly keys?: true;
}

/** The one permission table. Each action of the server stands here once; what is not listed is denied. */
export const PERMISSIONS = {
  /** What tells nothing: whether the server is well, what its API looks like. */
  'server.look': { who: 'anyone' },
  'server.read': { who: 'administrator' },
  /** A new key for the secrets in the database. */
  'server.rotateKey': { who: 'administrator', audit: 'own', stepUp: true },
  'server.metrics': { who: 'administrator', keys: true },
  /** Sets up, signs in, takes an invitation: each writes its own row, with whom it turned out to be. */
  'account.begin': { who: 'anyone', audit: 'own' },
  'account.own': { who: 'user' },
  'account.change': { who: 'user', audit: 'change' },
  'account.signOut': { who: 'user', audit: 'change' },
  /** Proves again who one is. */
  'account.prove': { who: 'user', audit: 'read' },
  /** With what somebody signs in. */
  'account.factor': { who: 'user', audit: 'change', stepUp: true },
  /** Lists that hold only what the caller may see, and lists of what this server knows (kinds, profiles). */
  'catalog.read': { who: 'user', support: true, keys: true },
  'site.list': { who: 'user', support: true, keys: true },
  'device.list': { who: 'user', support: true, keys: true },
  'live.watch': { who: 'user', support: true },

  'site.create': { who: 'administrator', audit: 'change' },
  'site.read': { who: ANY_MEMBER, support: true, keys: true },
  'site.change': { who: OWNERS, audit: 'change' },
  'assistant.read': { who: ANY_MEMBER, keys: true },
  'assistant.change': { who: OWNERS, audit: 'change', keys: true },

  'device.read': { who: ANY_MEMBER, support: true, keys: true },
  'device.change': { who: OPERATORS, audit: 'change', keys: true },
  'device.activate': { who: OPERATORS, audit: 'change', keys: true },
  'device.create': { who: OPERATORS, audit: 'change', keys: true },
  /** A new token, which ends the old one once it was used. */
  'device.rotate': { who: OWNERS, audit: 'change', keys: true },
  /** Lets one in again that was shut out because two seemed to use its identity. */
  'device.release': { who: OWNERS, audit: 'change', keys: true },
  /** It leaves for good: its keys and all of its data. */
  'device.decommission': { who: OWNERS, audit: 'change', stepUp: true },
  'device.revoke': { who: OWNERS, audit: 'change', keys: true },
  'device.registerKey': { who: OWNERS, audit: 'change', keys: true },
  'device.announce': { who: [...OPERATORS, 'guardian'], audit: 'read', keys: true },
  /** Authorities and certificates that let devices in. */
  'certificate.read': { who: ANY_MEMBER, support: true, keys: true },
  'certificate.change': { who: OWNERS, audit: 'change', keys: true },
  'certificate.bind': { who: OPERATORS, audit: 'change', keys: true },
  'group.read': { who: ANY_MEMBER, support: true, keys: true },
  'group.change': { who: OPERATORS, audit: 'change', keys: true },
  'twin.read': { who: ANY_MEMBER, support: true, keys: true },
  'twin.change': { who: OPERATORS, audit: 'change', keys: true },
  'telemetry.read': { who: ANY_MEMBER, support: true, keys: true },
  'telemetry.export': { who: OPERATORS, audit: 'read', stepUp: true, keys: true },
  'telemetry.import': { who: OWNERS, audit: 'own', keys: true },

  'command.read': { who: ANY_MEMBER, support: true, keys: true },
  'command.send': { who: OPERATORS, audit: 'own', keys: true },
  'command.cancel': { who: OPERATORS, audit: 'change', keys: true },
  /** Whoever sees a machine may stop it; only some may start it again. */
  'machine.stop': { who: ANY_MEMBER, audit: 'own', support: true, keys: true },
  'machine.start': { who: OPERATORS, audit: 'own', stepUp: true },

  'alert.read': { who: ANY_MEMBER, support: true, keys: true },
  'alert.handle': { who: [...OPERATORS, 'guardian'], audit: 'change', keys: true },
  'alertRule.change': { who: OPERATORS, audit: 'change', keys: true },
  'notifier.read': { who: ANY_MEMBER, keys: true },
  'notifier.change': { who: OWNERS, audit: 'change', keys: true },
  'notifier.test': { who: OWNERS, audit: 'read', keys: true },

  /** The words of people, and of children. */
  'turn.read': { who: ['owner', 'operator', 'guardian'], audit: 'read', keys: true },

  'apiKey.read': { who: OWNERS },
  'apiKey.change': { who: OWNERS, audit: 'change' },
  'member.read': { who: OWNERS },
  'member.change': { who: OWNERS, audit: 'change' },
  'member.invite': { who: OWNERS, audit: 'change' },
  'user.read': { who: 'administrator' },
  'user.change': { who: 'administrator', audit: 'change' },
  'user.delete': { who: 'administrator', audit: 'change', stepUp: true },
  /** What the maker of a product must report to an authority. */
  'incident.read': { who: 'administrator' },
  'incident.change': { who: 'administrator', audit: 'change' },
  'incident.export': { who: 'administrator', audit: 'read' },
  'audit.read': { who: OWNERS, audit: 'read', keys: true },
  'audit.export': { who: OWNERS, audit: 'read', stepUp: true, keys: true },
  'audit.key': { who: 'user', keys: true },
  'audit.verify': { who: 'administrator', audit: 'read', keys: true },

  /** Devices prove themselves by their own credentials: the route checks those. */
  'device.speak': { who: 'anyone' },
} as const satisfies Record<string, Permission>;

export type Action = keyof typeof PERMISSIONS;
export const permissionOf = (action: Action): Permission => PERMISSIONS[action];

/** A signed-in person, with the roles at the sites that they belong to. */
export interface Person {
  readonly kind: 'user';
  readonly userId: string;
  readonly administrator: boolean;
  readonly support: boolean;
  readonly roles: ReadonlyMap<string, Role>;
  /** When they last proved who they are: by signing in, or again since. */
  readonly provedAt: number;
  /** This deployment asks one of their roles for a second factor, and they have none. */
  readonly lacksFactor: boolean;
}

/** A program with an API key: of one site (null: of the server and every site), for these actions. */
export interface Program {
  readonly kind: 'key';
  readonly keyId: string;
  readonly siteId: string | null;
  readonly actions: ReadonlySet<string>;
}

export type Actor = Person | Program;
export type Verdict = 'allowed' | 'signIn' | 'forbidden' | 'hidden' | 'stepUp' | 'factor';

/** How long a proof holds for actions with `stepUp`, ms. */
export const PROOF_MS = 10 * 60_000;

/**
 * Pure: the whole of authorisation. `siteId` is null for actions that concern no site. `hidden` is told as 404, so that
 * nobody learns what other sites have.
 */
export function judge(actor: Actor | null, action: Action, siteId: string | null, now: number): Verdict {
  const { who, support, keys } = permissionOf(action);
  if (who === 'anyone') return 'allowed';
  if (actor === null) return 'signIn';
  if (actor.kind === 'key') {
    const isElsewhere = siteId !== null && actor.siteId !== null && siteId !== actor.siteId;
    if (isElsewhere) return 'hidden';
    const isOfServer = who === 'administrator' && actor.siteId !== null;
    return keys === true && !isOfServer && actor.actions.has(action) ? 'allowed' : 'forbidden';
  }
  const verdict = judgePerson(actor, who, support === true, siteId);
  // what other sites have stays hidden
  if (verdict === 'hidden') return verdict;
  const own = judgeSelf(actor, action, now);
  return own === 'factor' || verdict === 'allowed' ? own : verdict;
}

/**
 * The part of it that is about the person alone, whatever site it concerns: also lists and files of several sites, for
 * which no single one is judged, are only for those who have the second factor and the fresh proof that are asked for.
 */
export function judgeSelf(actor: Person, action: Action, now: number): 'allowed' | 'factor' | 'stepUp' {
  // only setting one up is left to them
  if (actor.lacksFactor && !action.startsWith('account.')) return 'factor';
  return permissionOf(action).stepUp === true && now - actor.provedAt > PROOF_MS ? 'stepUp' : 'allowed';
}

function judgePerson(
  { administrator, support, roles }: Person,
  who: Permission['who'],
  forSupport: boolean,
  siteId: string | null,
): Verdict {
  if (administrator || who === 'user' || (support && forSupport)) return 'allowed';
  if (typeof who === 'string') return 'forbidden';
  const role = siteId === null ? undefined : roles.get(siteId);
  // support sees that the site is there
  if (role === undefined) return siteId === null || support ? 'forbidden' : 'hidden';
  return who.includes(role) ? 'allowed' : 'forbidden';
}
