import { type Static, Type } from 'typebox';
import { LanguageSchema } from '../languages.ts';
import { Email, Membership, ROLES, User } from './accounts.ts';
import { At, Id, literals, Name, nullable } from './fields.ts';

const Password = Type.String({ maxLength: 1_000, description: 'At least 12 characters' });
const Token = Type.String({ minLength: 1, maxLength: 200, description: 'From the link' });
const strict = { additionalProperties: false } as const;

/** Somebody who belongs to a site. */
export const Member = Type.Object({
  userId: Id,
  email: Type.String(),
  name: Type.String(),
  role: literals(ROLES),
  state: literals(['active', 'deactivated'] as const),
  since: At,
});
export type Member = Static<typeof Member>;
export const MemberList = Type.Object({ members: Type.Array(Member) });
export type MemberList = Static<typeof MemberList>;
export const MemberChange = Type.Object({ role: literals(ROLES) }, strict);
export type MemberChange = Static<typeof MemberChange>;

/** Rights on the whole server. */
export const DEPLOYMENT_ROLES = ['administrator', 'support'] as const;
export type DeploymentRole = (typeof DEPLOYMENT_ROLES)[number];

/** Asks somebody to join a site with a role, or this deployment with one. */
export const Invitation = Type.Object({
  invitationId: Id,
  email: Type.String(),
  siteId: nullable(Id),
  role: nullable(literals(ROLES)),
  deploymentRole: nullable(literals(DEPLOYMENT_ROLES)),
  invitedBy: nullable(Type.String({ description: 'Their name' })),
  createdAt: At,
  expiresAt: At,
});
export type Invitation = Static<typeof Invitation>;
export const InvitationList = Type.Object({ invitations: Type.Array(Invitation) });
export type InvitationList = Static<typeof InvitationList>;

export const InvitationCreate = Type.Object(
  {
    email: Email,
    siteId: Type.Optional(Id),
    role: Type.Optional(literals(ROLES)),
    deploymentRole: Type.Optional(literals(DEPLOYMENT_ROLES)),
    language: Type.Optional(LanguageSchema),
  },
  strict,
);
export type InvitationCreate = Static<typeof InvitationCreate>;

/** The link is here when no mail is sent: whoever invites hands it on. */
export const InvitationCreated = Type.Object({
  invitation: Invitation,
  mailed: Type.Boolean(),
  link: nullable(Type.String()),
});
export type InvitationCreated = Static<typeof InvitationCreated>;

export const InvitationAsk = Type.Object({ token: Token }, strict);
export const InvitationInfo = Type.Object({
  email: Type.String(),
  place: Type.String({ description: 'Name of the site, or of this server' }),
  role: nullable(literals([...ROLES, ...DEPLOYMENT_ROLES])),
  invitedBy: nullable(Type.String()),
  hasAccount: Type.Boolean({ description: 'Sign in with that address first, then accept' }),
  expiresAt: At,
});
export type InvitationInfo = Static<typeof InvitationInfo>;
export const InvitationAccept = Type.Object(
  {
    token: Token,
    name: Type.Optional(Name),
    password: Type.Optional(Password),
    language: Type.Optional(LanguageSchema),
  },
  strict,
);
export type InvitationAccept = Static<typeof InvitationAccept>;

export const UserQuery = Type.Object(
  {
    search: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'How the name or address begins' })),
    limit: Type.Integer({ minimum: 1, maximum: 200, default: 50 }),
    after: Type.Optional(Id),
  },
  strict,
);
export type UserQuery = Static<typeof UserQuery>;
export const UserList = Type.Object({ users: Type.Array(User), next: nullable(Id) });
export type UserList = Static<typeof UserList>;
export const UserDetail = Type.Object({ user: User, memberships: Type.Array(Membership) });
export type UserDetail = Static<typeof UserDetail>;
export const UserChange = Type.Object(
  {
    name: Type.Optional(Name),
    language: Type.Optional(LanguageSchema),
    administrator: Type.Optional(Type.Boolean()),
    support: Type.Optional(Type.Boolean()),
    state: Type.Optional(literals(['active', 'deactivated'] as const)),
  },
  strict,
);
export type UserChange = Static<typeof UserChange>;

export const MeChange = Type.Object({ name: Type.Optional(Name), language: Type.Optional(LanguageSchema) }, strict);
export type MeChange = Static<typeof MeChange>;
export const PasswordChange = Type.Object({ current: Password, password: Password }, strict);
export type PasswordChange = Static<typeof PasswordChange>;
export const EmailChange = Type.Object({ email: Email }, strict);
export type EmailChange = Static<typeof EmailChange>;
export const TokenUse = Type.Object({ token: Token }, strict);
export type TokenUse = Static<typeof TokenUse>;

/** The answer is the same whoever exists. */
export const PasswordResetAsk = Type.Object({ email: Email }, strict);
export type PasswordResetAsk = Static<typeof PasswordResetAsk>;
export const PasswordResetUse = Type.Object({ token: Token, password: Password }, strict);
export type PasswordResetUse = Static<typeof PasswordResetUse>;

export const Registration = Type.Object({ email: Email, language: Type.Optional(LanguageSchema) }, strict);
export type Registration = Static<typeof Registration>;
