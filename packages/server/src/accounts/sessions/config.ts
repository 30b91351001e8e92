import { type Static, Type } from 'typebox';

const demand = (who: string) =>
  Type.Boolean({ default: false, description: `Whether ${who} must have a second factor` });

/** How long people stay signed in, who may come in, and who needs more than a password. */
export const accountsConfig = Type.Object({
  sessionDays: Type.Integer({ minimum: 1, maximum: 365, default: 30, description: 'Longest session, days' }),
  sessionIdleHours: Type.Integer({
    minimum: 1,
    maximum: 8_760,
    default: 168,
    description: 'A session that was not used for so long has ended, hours',
  }),
  selfRegistration: Type.Boolean({
    default: false,
    description: 'Whether people may register themselves; they belong to no site until somebody invites them',
  }),
  requestsPerSecond: Type.Integer({
    minimum: 1,
    maximum: 1_000_000,
    default: 200,
    description: 'Requests of one user or key, and of one address whose callers are nobody; more get RATE_LIMITED',
  }),
  secondFactor: Type.Object({
    administrator: demand('an administrator'),
    support: demand('whoever supports this server'),
    owner: demand('the owner of a site'),
    operator: demand('an operator'),
    viewer: demand('a viewer'),
    guardian: demand('a guardian'),
  }),
});
export type AccountsConfig = Static<typeof accountsConfig>;
