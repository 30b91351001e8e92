import { type Language, MusterError, type User } from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { type Database, inOneUnit } from '../../platform/db/index.ts';
import { hashSecret, newSecret } from '../../platform/ids.ts';
import type { Logger } from '../../platform/log.ts';
import { createRateLimiter } from '../../platform/rate-limiter.ts';
import { checkPassword } from '../passwords/check.ts';
import { hashPassword } from '../passwords/hash.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { canonicalEmail, readEmail } from './email.ts';
import type { Invitations } from './invitations.ts';
import type { Post } from './post.ts';
import { createUserStore, type LinkPurpose, toUser, type UserTables } from './store.ts';
import type { Users } from './users.ts';

/** With what people sign in: their password and their address. Links are mailed, or printed for the administrator. */
export interface Credentials {
  /** The caller has proved who they are. All other sessions end. */
  changePassword(user: User, password: string, sessionId: string): Promise<void>;
  /**
   * A link to set a password anew, 30 minutes. Says nothing of whether there is such a user, and takes as long. It is
   * never in an answer.
   */
  askReset(email: string, source: string): Promise<void>;
  /** An administrator does it for somebody. CONFLICT for one who has no password: the identity provider lets them in. */
  sendReset(userId: string): Promise<void>;
  /** LINK_INVALID. All sessions of the user end. */
  useReset(token: string, password: string): Promise<User>;
  /** A link to the new address; nothing changes until it is opened. */
  askEmail(user: User, email: string): Promise<void>;
  /** LINK_INVALID; CONFLICT when somebody has that address by now. */
  confirmEmail(token: string): Promise<User>;
  /** REGISTRATION_CLOSED, RATE_LIMITED. Says nothing of whether there is such a user. */
  register(email: string, language: Language, source: string): Promise<void>;
}

const RESET_MS = 30 * 60_000;
const CONFIRM_MS = 24 * 3_600_000;
/** Mails that one source, or one address, can make us send in an hour. */
const MAILS_PER_HOUR = 10;

export function createCredentials(deps: {
  readonly db: Database<UserTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly users: Users;
  readonly sessions: Pick<Sessions, 'endAll'>;
  readonly post: Post;
  readonly log: Logger;
  readonly invitations: Pick<Invitations, 'register'>;
  readonly selfRegistration: boolean;
}): Credentials {
  const { clock, bus, users, sessions, post } = deps;
  const store = createUserStore(deps.db);
  const asked = createRateLimiter(clock, { limit: MAILS_PER_HOUR, windowMs: 3_600_000 });

  async function makeLink(userId: string, purpose: LinkPurpose, ms: number, email: string | null): Promise<string> {
    const token = newSecret();
    const now = clock.now();
    await store.addLink({ token_hash: hashSecret(token), purpose, user_id: userId, email, expires_at: now + ms }, now);
    return token;
  }

  async function takeLink(token: string, purpose: LinkPurpose) {
    const link = await store.takeLink(hashSecret(token), purpose, clock.now());
    if (link === undefined) throw new MusterError('LINK_INVALID');
    return link;
  }

  async function reset({ userId, email, language, name }: User): Promise<void> {
    const path = `/reset?token=${await makeLink(userId, 'password', RESET_MS, null)}`;
    if (post.canMail) post.send('passwordReset', { until: clock.now() + RESET_MS }, { email, language }, path);
    else post.print(`Link for ${name} <${email}> to set a password anew, for 30 minutes: ${post.link(path)}`);
  }

  async function setPassword(user: User, password: string, except?: string): Promise<void> {
    checkPassword(password, user);
    await store.change(user.userId, { password_hash: await hashPassword(password) });
    await sessions.endAll(user.userId, except);
    await store.dropLinks(user.userId);
    bus.publish('user.changed', { userId: user.userId });
    post.send('passwordChanged', { at: clock.now() }, user, '/reset');
  }

  return {
    changePassword: (user, password, sessionId) => inOneUnit(() => setPassword(user, password, sessionId)),

    async askReset(email, source) {
      asked.take(`source ${source}`, `account ${canonicalEmail(email)}`);
      const row = await users.byEmail(email);
      // afterwards: the answer must not take longer for somebody who is there
      if (row?.state !== 'active' || row.password_hash === null) return;
      setImmediate(() => {
        reset(toUser(row)).catch((error: unknown) => deps.log.error({ err: error }, 'a link was not sent'));
      });
    },

    async sendReset(userId) {
      const user = await users.get(userId);
      if ((await users.byEmail(user.email))?.password_hash === null) {
        const say =
          'They sign in with the identity provider and have no password here: a link would be a way around it.';
        throw new MusterError('CONFLICT', { userId }, { say });
      }
      await reset(user);
    },

    useReset: (token, password) =>
      inOneUnit(async () => {
        const { user_id: userId } = await takeLink(token, 'password');
        const user = await users.get(userId);
        if (user.state !== 'active') throw new MusterError('LINK_INVALID');
        await setPassword(user, password);
        return user;
      }),

    async askEmail(user, typed) {
      const email = readEmail(typed);
      asked.take(`account ${user.userId}`);
      const path = `/confirm?token=${await makeLink(user.userId, 'email', CONFIRM_MS, email)}`;
      if (post.canMail) post.send('emailConfirmation', { until: clock.now() + CONFIRM_MS }, { ...user, email }, path);
      else post.print(`Link for ${user.name} <${user.email}> to change the address to ${email}: ${post.link(path)}`);
    },

    confirmEmail: (token) =>
      inOneUnit(async () => {
        const { user_id: userId, email } = await takeLink(token, 'email');
        if (email === null) throw new MusterError('LINK_INVALID');
        const user = await users.get(userId);
        const other = await users.byEmail(email);
        if (other !== undefined && other.user_id !== userId) {
          throw new MusterError('CONFLICT', {}, { say: 'There is a user with this e-mail address already.' });
        }
        const row = await store.change(userId, { email, email_key: canonicalEmail(email) });
        if (row === undefined) throw new MusterError('LINK_INVALID');
        bus.publish('user.changed', { userId });
        // the old address, too, so that a thief cannot take an account over unseen
        post.send('emailChanged', { at: clock.now(), newEmail: email }, user, '/account');
        return toUser(row);
      }),

    async register(email, language, source) {
      if (!deps.selfRegistration) throw new MusterError('REGISTRATION_CLOSED');
      asked.take(`source ${source}`, `account ${canonicalEmail(email)}`);
      await deps.invitations.register(email, language);
    },
  };
}
