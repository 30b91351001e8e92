import { DEPLOYMENT_ROLES, type DeploymentRole, MusterError, type Role } from '@muster/contract';
import type { Logger } from '../../platform/log.ts';
import { type Audit, callerHere } from '../audit/index.ts';
import type { UserRow } from '../users/store.ts';
import type { Users } from '../users/users.ts';
import type { Wanted } from './groups.ts';
import type { Grant, OidcStore } from './store.ts';

/**
 * Gives somebody what their groups say, and takes what no group says any more. What they have by hand stays as it is: a
 * role that no grant says, or another than it says. Call it in a unit of work.
 */
export function createRoles(deps: {
  readonly store: Pick<OidcStore, 'grants' | 'replaceGrants'>;
  readonly users: Pick<Users, 'change' | 'membershipsOf' | 'setMember' | 'removeMember'>;
  readonly audit: Audit;
  readonly log: Logger;
  readonly hasSite: (siteId: string) => Promise<boolean>;
}): (user: UserRow, wanted: Wanted) => Promise<void> {
  const { store, users, audit, log } = deps;

  /** False when a rule of ours forbids it: the last owner stays one. Signing in goes on. */
  async function tryTo(change: () => Promise<unknown>, grant: Grant, userId: string): Promise<boolean> {
    try {
      await change();
      return true;
    } catch (error) {
      if (!(error instanceof MusterError) || !REFUSALS.has(error.code)) throw error;
      log.warn({ code: error.code, userId, ...grant }, 'a role of a group could not be given or taken');
      return false;
    }
  }

  const told = (userId: string, siteId: string | null, before: unknown, after: unknown): Promise<void> =>
    audit.append({
      action: siteId === null ? 'user.change' : 'member.change',
      siteId,
      target: { kind: siteId === null ? 'user' : 'member', id: userId },
      before,
      after,
      reason: 'groups at the identity provider',
      caller: { ...callerHere(), actor: { kind: 'system', id: null, name: 'identity provider' } },
    });

  /** What of this the provider has given afterwards. */
  async function atSite(userId: string, siteId: string, now: SiteRoles): Promise<Role | undefined> {
    const { held, granted, wanted } = now;
    if (held !== undefined && held !== granted) return undefined;
    if (held === wanted) return wanted;
    const role = wanted ?? null;
    const done = await tryTo(
      () => (role === null ? users.removeMember(siteId, userId) : users.setMember(siteId, userId, role)),
      { siteId, role: role ?? granted ?? 'viewer' },
      userId,
    );
    if (!done) return held;
    await told(userId, siteId, { role: held ?? null }, { role });
    return wanted;
  }

  async function ofServer(user: UserRow, role: DeploymentRole, granted: boolean, wanted: boolean): Promise<boolean> {
    const held = user[role];
    if (held && !granted) return false;
    if (held === wanted) return wanted;
    const grant = { siteId: null, role };
    if (!(await tryTo(() => users.change(user.user_id, { [role]: wanted }), grant, user.user_id))) return held;
    await told(user.user_id, null, { [role]: held }, { [role]: wanted });
    return wanted;
  }

  return async (user, wanted) => {
    const userId = user.user_id;
    const before = await store.grants(userId);
    const after: Grant[] = [];
    for (const role of DEPLOYMENT_ROLES) {
      const granted = before.some((grant) => grant.siteId === null && grant.role === role);
      if (await ofServer(user, role, granted, wanted.deployment.has(role))) after.push({ siteId: null, role });
    }
    const held = new Map((await users.membershipsOf(userId)).map(({ siteId, role }) => [siteId, role]));
    const granted = new Map(before.flatMap(({ siteId, role }) => (siteId === null ? [] : [[siteId, role as Role]])));
    for (const siteId of new Set([...granted.keys(), ...wanted.sites.keys()])) {
      if (!(await deps.hasSite(siteId))) {
        log.warn({ siteId }, 'accounts.oidc.roles names a site that there is not');
        continue;
      }
      const roles = { held: held.get(siteId), granted: granted.get(siteId), wanted: wanted.sites.get(siteId) };
      const role = await atSite(userId, siteId, roles);
      if (role !== undefined) after.push({ siteId, role });
    }
    await store.replaceGrants(userId, after);
  };
}

interface SiteRoles {
  readonly held: Role | undefined;
  readonly granted: Role | undefined;
  readonly wanted: Role | undefined;
}

/** Guardians at what is no home are REQUEST_INVALID. */
const REFUSALS = new Set(['LAST_OWNER', 'LAST_ADMINISTRATOR', 'REQUEST_INVALID']);
