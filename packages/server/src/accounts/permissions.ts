import type { Role } from '@muster/contract';

/**
 * The one permission table. Each action of the API stands here once with who may do it; what is not listed is denied.
 *
 * `anyone` needs no session, `user` any session, `administrator` a server administrator. Every other row lists the
 * roles at the site that owns the thing; an administrator may do those everywhere.
 */
export const PERMISSIONS = {
  'server.look': 'anyone',
  'account.begin': 'anyone',
  'account.own': 'user',
  'server.read': 'administrator',
  'site.create': 'administrator',
  'site.read': ['owner', 'viewer'],
  'site.change': ['owner'],
  'assistant.read': ['owner', 'viewer'],
  'assistant.change': ['owner'],
  'device.list': 'user',
  'device.read': ['owner', 'viewer'],
  'device.change': ['owner'],
  'device.activate': ['owner'],
  'device.revoke': ['owner'],
  'device.registerKey': ['owner'],
  'device.create': ['owner'],
  'device.announce': ['owner'],
  'group.read': ['owner', 'viewer'],
  'group.change': ['owner'],
  'twin.read': ['owner', 'viewer'],
  'twin.change': ['owner'],
  'telemetry.read': ['owner', 'viewer'],
  'telemetry.export': ['owner'],
  'telemetry.import': ['owner'],
  'command.read': ['owner', 'viewer'],
  'command.send': ['owner'],
  'alert.read': ['owner', 'viewer'],
  'alert.handle': ['owner'],
  'alertRule.change': ['owner'],
  'notifier.change': ['owner'],
  'apiKey.change': ['owner'],
  'live.watch': 'user',
  'turn.read': ['owner', 'viewer'],
  /** Devices prove themselves by their own tokens: the route checks those. */
  'device.speak': 'anyone',
} as const satisfies Record<string, 'anyone' | 'user' | 'administrator' | readonly Role[]>;

export type Action = keyof typeof PERMISSIONS;

/** Who asks: a signed-in user with the roles at the sites they belong to. */
export interface Actor {
  readonly userId: string;
  readonly administrator: boolean;
  readonly roles: ReadonlyMap<string, Role>;
}

export type Verdict = 'allowed' | 'signIn' | 'forbidden' | 'hidden';

/** Pure: the whole of authorisation. `siteId` is null for actions that concern no site. `hidden` is told as 404. */
export function judge(actor: Actor | null, action: Action, siteId: string | null): Verdict {
  const allowed = PERMISSIONS[action];
  if (allowed === 'anyone') return 'allowed';
  if (actor === null) return 'signIn';
  if (actor.administrator || allowed === 'user') return 'allowed';
  if (allowed === 'administrator') return 'forbidden';
  const role = siteId === null ? undefined : actor.roles.get(siteId);
  if (role === undefined) return siteId === null ? 'forbidden' : 'hidden';
  return (allowed as readonly Role[]).includes(role) ? 'allowed' : 'forbidden';
}
