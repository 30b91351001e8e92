import {
  type Member,
  type Membership,
  MusterError,
  type Role,
  type SetupRequest,
  type User,
  type UserChange,
  type UserQuery,
} from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Database, inOneUnit } from '../../platform/db/index.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import { checkPassword } from '../passwords/check.ts';
import { hashPassword } from '../passwords/hash.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { canonicalEmail, readEmail, readPersonName } from './email.ts';
import { createUserStore, toUser, type UserRow, type UserTables } from './store.ts';

/** Who there is, and where they belong. */
export interface Users {
  /** The token of a fresh set-up link while there is no administrator, else null. Makes the former link void. */
  setupToken(): Promise<string | null>;
  setupOpen(): Promise<boolean>;
  /** Uses the link and makes the first administrator. SETUP_DONE, SETUP_TOKEN_INVALID, PASSWORD_WEAK. */
  setUp(request: SetupRequest): Promise<User>;
  /** For signing in; undefined when there is none. */
  byEmail(email: string): Promise<UserRow | undefined>;
  byId(userId: string): Promise<UserRow | undefined>;
  /** NOT_FOUND. */
  get(userId: string): Promise<User>;
  membershipsOf(userId: string): Promise<readonly Membership[]>;
  list(query: UserQuery): Promise<User[]>;
  /** CONFLICT when there is a user with this address. `password` null: they come from an identity provider. */
  create(wanted: NewUser): Promise<User>;
  /** LAST_ADMINISTRATOR, LAST_OWNER when nobody would be left. Who is deactivated is out at once. */
  change(userId: string, change: UserChange): Promise<User>;
  /** The same; what they made stays. */
  delete(userId: string): Promise<void>;
  members(siteId: string): Promise<Member[]>;
  /** NOT_FOUND for nobody of the site. */
  member(siteId: string, userId: string): Promise<Member>;
  /** Makes somebody a member, or gives them another role. LAST_OWNER; REQUEST_INVALID for a guardian who is not at a home. */
  setMember(siteId: string, userId: string, role: Role): Promise<Member>;
  removeMember(siteId: string, userId: string): Promise<void>;
  addOwner(siteId: string, userId: string): Promise<void>;
  /** Whether the user belongs to the site, with any role. */
  isMember(siteId: string, userId: string): Promise<boolean>;
}

export interface NewUser {
  readonly email: string;
  readonly name: string;
  readonly password: string | null;
  readonly language: User['language'];
  readonly administrator?: boolean;
  readonly support?: boolean;
  readonly state?: User['state'];
}

export function createUsers(deps: {
  readonly db: Database<UserTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly sessions: Pick<Sessions, 'endAll'>;
  readonly kindOf: (siteId: string) => Promise<string>;
}): Users {
  const { clock, bus, sessions } = deps;
  const store = createUserStore(deps.db);
  const changed = (userId: string): void => bus.publish('user.changed', { userId });

  async function find(userId: string): Promise<UserRow> {
    const row = await store.byId(userId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { userId });
    return row;
  }

  async function create(wanted: NewUser): Promise<User> {
    const email = readEmail(wanted.email);
    const name = readPersonName(wanted.name);
    if (wanted.password !== null) checkPassword(wanted.password, { email, name });
    const now = clock.now();
    const row: UserRow = {
      user_id: newId(now),
      email,
      email_key: canonicalEmail(email),
      name,
      password_hash: wanted.password === null ? null : await hashPassword(wanted.password),
      administrator: wanted.administrator ?? false,
      support: wanted.support ?? false,
      state: wanted.state ?? 'active',
      language: wanted.language,
      created_at: now,
    };
    if ((await store.byEmailKey(row.email_key)) !== undefined) {
      throw new MusterError('CONFLICT', {}, { say: 'There is a user with this e-mail address already.' });
    }
    await store.insert(row);
    return toUser(row);
  }

  /** Throws when nobody with the same rights would be left. Call it in a unit of work, after `lockRights`. */
  async function checkOthers(row: UserRow, siteId: string | null): Promise<void> {
    const [alone] = await store.ownedAlone(row.user_id, siteId);
    if (alone !== undefined) throw new MusterError('LAST_OWNER', { siteId: alone });
    if (siteId === null && row.administrator) await checkAdministrators(row);
  }

  async function checkAdministrators(row: UserRow): Promise<void> {
    if (row.state === 'active' && (await store.otherAdministrators(row.user_id)) === 0) {
      throw new MusterError('LAST_ADMINISTRATOR');
    }
  }

  async function member(siteId: string, userId: string): Promise<Member> {
    const [found] = await store.members(siteId, userId);
    if (found === undefined) throw new MusterError('NOT_FOUND', { userId });
    return found;
  }

  return {
    setupOpen: async () => !(await store.hasAdministrator()),

    async setupToken() {
      if (await store.hasAdministrator()) return null;
      const token = newSecret();
      await store.replaceSetupLink(hashSecret(token), clock.now());
      return token;
    },

    async setUp({ token, email, name, password }) {
      if (await store.hasAdministrator()) throw new MusterError('SETUP_DONE');
      const tokenHash = hashSecret(token);
      const link = await store.setupLink();
      if (link === undefined || !link.token_hash.equals(tokenHash)) throw new MusterError('SETUP_TOKEN_INVALID');
      return inOneUnit(async () => {
        if (!(await store.useSetupLink(tokenHash))) throw new MusterError('SETUP_TOKEN_INVALID');
        return create({ email, name, password, language: 'en', administrator: true });
      });
    },

    byEmail: (email) => store.byEmailKey(canonicalEmail(email)),
    byId: (userId) => store.byId(userId),
    get: async (userId) => toUser(await find(userId)),
    membershipsOf: (userId) => store.memberships(userId),
    list: async (query) => (await store.list(query)).map(toUser),
    create,

    change: (userId, change) =>
      inOneUnit(async () => {
        await store.lockRights();
        const row = await find(userId);
        if (change.state === 'deactivated' && row.state === 'active') await checkOthers(row, null);
        if (change.administrator === false && row.administrator) await checkAdministrators(row);
        const { name, ...rest } = change;
        const set = { ...rest, ...(name === undefined ? {} : { name: readPersonName(name) }) };
        const next = Object.keys(set).length === 0 ? row : await store.change(userId, set);
        if (next === undefined) throw new MusterError('NOT_FOUND', { userId });
        if (next.state === 'deactivated') {
          await sessions.endAll(userId);
          await store.dropLinks(userId);
        }
        changed(userId);
        return toUser(next);
      }),

    delete: (userId) =>
      inOneUnit(async () => {
        await store.lockRights();
        await checkOthers(await find(userId), null);
        await sessions.endAll(userId);
        await store.delete(userId);
        changed(userId);
      }),

    members: (siteId) => store.members(siteId),
    member,

    setMember: (siteId, userId, role) =>
      inOneUnit(async () => {
        await store.lockRights();
        if (role === 'guardian' && (await deps.kindOf(siteId)) !== 'home') {
          throw new MusterError('REQUEST_INVALID', {}, { say: 'Guardians are at homes; this site is none.' });
        }
        if (role !== 'owner') {
          const [alone] = await store.ownedAlone(userId, siteId);
          if (alone !== undefined) throw new MusterError('LAST_OWNER', { siteId });
        }
        await store.setMember(siteId, userId, role, clock.now());
        changed(userId);
        return member(siteId, userId);
      }),

    removeMember: (siteId, userId) =>
      inOneUnit(async () => {
        await store.lockRights();
        await checkOthers(await find(userId), siteId);
        if (!(await store.removeMember(siteId, userId))) throw new MusterError('NOT_FOUND', { userId });
        changed(userId);
      }),

    async addOwner(siteId, userId) {
      await store.setMember(siteId, userId, 'owner', clock.now());
      changed(userId);
    },
    isMember: async (siteId, userId) => (await store.members(siteId, userId)).length > 0,
  };
}
