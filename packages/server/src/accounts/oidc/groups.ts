import { DEPLOYMENT_ROLES, type DeploymentRole, type Role } from '@muster/contract';

/** `line 2=operator@0192f0c1-…`, `admins=administrator`: the last `=` divides, so a group may have some in its name. */
export const ROLE_OF_GROUP =
  /^(.+)=(?:(administrator|support)|(owner|operator|guardian|viewer)@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}))$/;

/** From most to least, for somebody whose groups say several things of one site. */
const RANKS: readonly Role[] = ['owner', 'operator', 'guardian', 'viewer'];

/** What groups make of somebody. */
export interface Wanted {
  readonly deployment: ReadonlySet<DeploymentRole>;
  readonly sites: ReadonlyMap<string, Role>;
}

/** Pure. `rules` are of the form of {@link ROLE_OF_GROUP}. */
export function rolesOf(groups: ReadonlySet<string>, rules: readonly string[]): Wanted {
  const deployment = new Set<DeploymentRole>();
  const sites = new Map<string, Role>();
  for (const rule of rules) {
    const [, group = '', ofServer, ofSite, siteId = ''] = ROLE_OF_GROUP.exec(rule) ?? [];
    if (!groups.has(group)) continue;
    const found = DEPLOYMENT_ROLES.find((role) => role === ofServer);
    if (found !== undefined) deployment.add(found);
    const role = RANKS.find((one) => one === ofSite);
    if (role === undefined) continue;
    const before = sites.get(siteId);
    if (before === undefined || RANKS.indexOf(role) < RANKS.indexOf(before)) sites.set(siteId, role);
  }
  return { deployment, sites };
}
