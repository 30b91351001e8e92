import {
  type DeploymentRole,
  type Invitation,
  type InvitationAccept,
  type InvitationCreate,
  type InvitationInfo,
  type Language,
  MusterError,
  type User,
} from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import { type Database, inOneUnit } from '../../platform/db/index.ts';
import { hashSecret, newId, newSecret } from '../../platform/ids.ts';
import { createRateLimiter } from '../../platform/rate-limiter.ts';
import { canonicalEmail, readEmail } from './email.ts';
import type { Post } from './post.ts';
import type { UserTables } from './store.ts';
import type { Users } from './users.ts';

type Row = UserTables['invitations'];

/** Asking people in. A link works once, for seven days, and for the address that it was made for. */
export interface Invitations {
  /**
   * REQUEST_INVALID when it is neither of a site with a role nor of the deployment with one; CONFLICT for a member;
   * QUOTA_EXCEEDED past 100 that are open; RATE_LIMITED past 200 in a day. `link` is null when it was mailed.
   */
  create(
    wanted: InvitationCreate,
    by: User,
  ): Promise<{ readonly invitation: Invitation; readonly link: string | null }>;
  /** NOT_FOUND */
  get(invitationId: string): Promise<Invitation>;
  /** Those that are open: of a site, or (null) of the deployment. */
  list(siteId: string | null): Promise<Invitation[]>;
  /** A fresh link; the one before is void. */
  again(invitationId: string, by: User): Promise<{ readonly invitation: Invitation; readonly link: string | null }>;
  remove(invitationId: string): Promise<void>;
  /** INVITATION_INVALID for a link that is unknown, used, withdrawn or too old. */
  info(token: string): Promise<InvitationInfo>;
  /**
   * Makes the user, or makes the signed-in user a member. SIGN_IN_REQUIRED when the address has an account and nobody
   * of it is signed in.
   */
  accept(request: InvitationAccept, signedIn: User | null): Promise<User>;
  /**
   * Somebody who asks to come in, where the operator allows it: a link to their address, with which they choose a name
   * and a password, and nothing else. Says nothing of whether there is such a user.
   */
  register(email: string, language: Language): Promise<void>;
}

const VALID_MS = 7 * 86_400_000;
const REGISTRATION_MS = 86_400_000;
const MOST_OPEN = 100;
/** Of one site, or of the whole server, with those sent again: each may be a letter to a stranger. */
const MOST_IN_A_DAY = 200;

export function createInvitations(deps: {
  readonly db: Database<UserTables>;
  readonly clock: Clock;
  readonly users: Users;
  readonly post: Post;
  /** Of a site, for people; NOT_FOUND. */
  readonly siteName: (siteId: string) => Promise<string>;
}): Invitations {
  const { db, clock, users, post } = deps;
  const sent = createRateLimiter(clock, { limit: MOST_IN_A_DAY, windowMs: 86_400_000 });

  const count = (siteId: string | null): void => sent.take(siteId ?? 'server');

  async function shown(row: Row): Promise<Invitation> {
    const by = row.invited_by === null ? undefined : await users.byId(row.invited_by);
    return {
      invitationId: row.invitation_id,
      email: row.email,
      siteId: row.site_id,
      role: row.role,
      deploymentRole: row.deployment_role,
      invitedBy: by?.name ?? null,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    };
  }

  async function find(invitationId: string): Promise<Row> {
    const row = await db
      .selectFrom('invitations')
      .selectAll()
      .where('invitation_id', '=', invitationId)
      .executeTakeFirst();
    if (row === undefined) throw new MusterError('NOT_FOUND', { invitationId });
    return row;
  }

  async function byToken(token: string): Promise<Row> {
    const row = await db
      .selectFrom('invitations')
      .selectAll()
      .where('token_hash', '=', hashSecret(token))
      .where('expires_at', '>', clock.now())
      .executeTakeFirst();
    if (row === undefined) throw new MusterError('INVITATION_INVALID');
    return row;
  }

  const placeOf = async ({ site_id: siteId }: Row): Promise<string> =>
    siteId === null ? 'Muster' : deps.siteName(siteId);
  const roleOf = ({ role, deployment_role: deploymentRole }: Row) => role ?? deploymentRole;

  /** By mail, or for whoever invites to hand on. */
  async function deliver(row: Row, token: string, by: User): Promise<string | null> {
    const path = `/invitation?token=${token}`;
    if (!post.canMail) return post.link(path);
    const facts = { inviter: by.name, place: await placeOf(row), role: roleOf(row) ?? 'viewer', until: row.expires_at };
    post.send('invitation', facts, { email: row.email, language: row.language }, path);
    return null;
  }

  /** Whoever invites must have the right still: who was put out cannot come back by a link of their own. */
  async function checkInviter({
    invited_by: by,
    site_id: siteId,
    deployment_role: deploymentRole,
  }: Row): Promise<void> {
    if (siteId === null && deploymentRole === null) return;
    const inviter = by === null ? undefined : await users.byId(by);
    const isOwner =
      inviter !== undefined &&
      siteId !== null &&
      (await users.membershipsOf(inviter.user_id)).some((one) => one.siteId === siteId && one.role === 'owner');
    const may = inviter?.state === 'active' && (inviter.administrator || isOwner);
    if (!may) throw new MusterError('INVITATION_INVALID');
  }

  async function remove(invitationId: string): Promise<boolean> {
    const done = await db.deleteFrom('invitations').where('invitation_id', '=', invitationId).executeTakeFirst();
    return done.numDeletedRows === 1n;
  }

  async function list(siteId: string | null): Promise<Invitation[]> {
    const rows = await db
      .selectFrom('invitations')
      .selectAll()
      .where('site_id', siteId === null ? 'is' : '=', siteId)
      .where((eb) => eb.or([eb('site_id', 'is not', null), eb('deployment_role', 'is not', null)]))
      .where('expires_at', '>', clock.now())
      .orderBy('invitation_id')
      .execute();
    return Promise.all(rows.map(shown));
  }

  return {
    list,
    get: async (invitationId) => shown(await find(invitationId)),

    async create({ email: typed, siteId, role, deploymentRole, language }, by) {
      if (
        (siteId === undefined) !== (role === undefined) ||
        (siteId === undefined) === (deploymentRole === undefined)
      ) {
        const say = 'An invitation is for a site with a role, or for the whole server with a deploymentRole.';
        throw new MusterError('REQUEST_INVALID', {}, { say });
      }
      const email = readEmail(typed);
      const known = await users.byEmail(email);
      if (known !== undefined && isAlready(known, await memberOf(siteId, known.user_id), deploymentRole)) {
        throw new MusterError('CONFLICT', {}, { say: 'They have this right already.' });
      }
      const open = await list(siteId ?? null);
      if (open.length >= MOST_OPEN) throw new MusterError('QUOTA_EXCEEDED', { limit: MOST_OPEN });
      count(siteId ?? null);
      const now = clock.now();
      const token = newSecret();
      const row: Row = {
        invitation_id: newId(now),
        token_hash: hashSecret(token),
        email,
        email_key: canonicalEmail(email),
        site_id: siteId ?? null,
        role: role ?? null,
        deployment_role: deploymentRole ?? null,
        language: known?.language ?? language ?? by.language,
        invited_by: by.userId,
        created_at: now,
        expires_at: now + VALID_MS,
      };
      await db.deleteFrom('invitations').where('expires_at', '<', now).execute();
      await db.insertInto('invitations').values(row).execute();
      return { invitation: await shown(row), link: await deliver(row, token, by) };
    },

    async again(invitationId, by) {
      count((await find(invitationId)).site_id);
      const token = newSecret();
      const row = await db
        .updateTable('invitations')
        .set({ token_hash: hashSecret(token), expires_at: clock.now() + VALID_MS })
        .where('invitation_id', '=', invitationId)
        .returningAll()
        .executeTakeFirst();
      if (row === undefined) throw new MusterError('NOT_FOUND', { invitationId });
      return { invitation: await shown(row), link: await deliver(row, token, by) };
    },

    async remove(invitationId) {
      if (!(await remove(invitationId))) throw new MusterError('NOT_FOUND', { invitationId });
    },

    async info(token) {
      const row = await byToken(token);
      await checkInviter(row);
      const { invitedBy } = await shown(row);
      return {
        email: row.email,
        place: await placeOf(row),
        role: roleOf(row),
        invitedBy,
        hasAccount: (await users.byEmail(row.email)) !== undefined,
        expiresAt: row.expires_at,
      };
    },

    accept: ({ token, name, password, language }, signedIn) =>
      inOneUnit(async () => {
        const row = await byToken(token);
        // one of two that come at once
        if (!(await remove(row.invitation_id))) throw new MusterError('INVITATION_INVALID');
        await checkInviter(row);
        const known = await users.byEmail(row.email);
        if (known !== undefined && known.user_id !== signedIn?.userId) throw new MusterError('SIGN_IN_REQUIRED');
        const isMade = known === undefined && (name === undefined || password === undefined);
        if (isMade) throw new MusterError('REQUEST_INVALID', {}, { say: 'Choose a name and a password.' });
        const user =
          known === undefined
            ? await users.create({
                email: row.email,
                name: name ?? '',
                password: password ?? '',
                language: language ?? row.language,
              })
            : await users.get(known.user_id);
        const { site_id: siteId, role, deployment_role: deploymentRole } = row;
        if (siteId !== null && role !== null) await users.setMember(siteId, user.userId, role);
        return deploymentRole === null ? user : users.change(user.userId, { [deploymentRole]: true });
      }),
    async register(typed, language) {
      const email = readEmail(typed);
      if ((await users.byEmail(email)) !== undefined) return;
      const now = clock.now();
      const token = newSecret();
      await db
        .insertInto('invitations')
        .values({
          invitation_id: newId(now),
          token_hash: hashSecret(token),
          email,
          email_key: canonicalEmail(email),
          site_id: null,
          role: null,
          deployment_role: null,
          language,
          invited_by: null,
          created_at: now,
          expires_at: now + REGISTRATION_MS,
        })
        .execute();
      const path = `/invitation?token=${token}`;
      if (post.canMail) post.send('emailConfirmation', { until: now + REGISTRATION_MS }, { email, language }, path);
      else post.print(`Link for ${email} to register, for 24 hours: ${post.link(path)}`);
    },
  };

  async function memberOf(siteId: string | undefined, userId: string): Promise<boolean> {
    return siteId !== undefined && users.isMember(siteId, userId);
  }
}

function isAlready(
  user: { readonly administrator: boolean; readonly support: boolean },
  isMember: boolean,
  deploymentRole: DeploymentRole | undefined,
): boolean {
  return deploymentRole === undefined ? isMember : user[deploymentRole];
}
