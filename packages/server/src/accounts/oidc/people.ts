import { languageOf, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { inOneUnit } from '../../platform/db/index.ts';
import type { Audit } from '../audit/index.ts';
import { readEmail, readPersonName } from '../users/email.ts';
import type { UserRow } from '../users/store.ts';
import type { Users } from '../users/users.ts';
import type { Identity } from './claims.ts';
import type { OidcConfig } from './config.ts';
import { rolesOf, type Wanted } from './groups.ts';
import type { OidcStore } from './store.ts';

const LONGEST_NAME = 200;

/**
 * Finds the user whom the provider means, or makes one, with the roles that their groups give. SSO_REFUSED, with the
 * reason in its context, for whoever may not come in; then nothing has changed.
 */
export function createPeople(deps: {
  readonly config: Pick<OidcConfig, 'createUsers' | 'roles'>;
  readonly clock: Clock;
  readonly store: Pick<OidcStore, 'lockSubject' | 'userOf' | 'isLinked' | 'link'>;
  readonly users: Pick<Users, 'byEmail' | 'byId' | 'create'>;
  readonly audit: Audit;
  readonly applyRoles: (user: UserRow, wanted: Wanted) => Promise<void>;
}): (identity: Identity) => Promise<UserRow> {
  const { config, clock, store, users, audit, applyRoles } = deps;

  /** The first time, by the address. */
  async function meet(identity: Identity, wanted: Wanted): Promise<string> {
    if (identity.email === null) throw refused(null, 'no verified e-mail address');
    const email = emailOrNull(identity.email);
    if (email === null) throw refused(null, 'no e-mail address that could be one here');
    const row = await users.byEmail(email);
    if (row !== undefined && (await store.isLinked(row.user_id, identity.issuer))) {
      throw refused(row.user_id, 'the address belongs to another subject');
    }
    if (row === undefined && (!config.createUsers || (wanted.deployment.size === 0 && wanted.sites.size === 0))) {
      throw refused(null, 'nobody here, and no group makes them somebody');
    }
    const userId = row?.user_id ?? (await make(identity, email));
    const { issuer, subject } = identity;
    await store.link({ issuer, subject, user_id: userId, created_at: clock.now() });
    const target = { kind: 'user', id: userId };
    await audit.append({ action: 'account.link', target, after: { issuer, subject, isNew: row === undefined } });
    return userId;
  }

  async function make(identity: Identity, email: string): Promise<string> {
    const user = await users.create({
      email,
      name: nameOf(identity, email),
      password: null,
      language: languageOf(identity.locale ?? undefined),
    });
    return user.userId;
  }

  return (identity) =>
    inOneUnit(async () => {
      await store.lockSubject(identity.issuer, identity.subject);
      const wanted = rolesOf(identity.groups, config.roles);
      const userId = (await store.userOf(identity.issuer, identity.subject)) ?? (await meet(identity, wanted));
      const row = await users.byId(userId);
      if (row?.state !== 'active') throw refused(userId, 'deactivated');
      await applyRoles(row, wanted);
      return row;
    });
}

const refused = (userId: string | null, why: string): MusterError => new MusterError('SSO_REFUSED', { userId, why });

/** An address that merely looks like one of ours is none: see `readEmail`. */
function emailOrNull(typed: string): string | null {
  try {
    return readEmail(typed);
  } catch (error) {
    if (error instanceof MusterError) return null;
    throw error;
  }
}

function nameOf({ name }: Identity, email: string): string {
  try {
    return readPersonName((name ?? '').slice(0, LONGEST_NAME));
  } catch (error) {
    if (error instanceof MusterError) return email.split('@')[0] ?? email;
    throw error;
  }
}
