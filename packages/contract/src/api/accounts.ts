import { type Static, Type } from 'typebox';
import { LANGUAGES } from '../languages.ts';
import { At, Id, literals, Name } from './fields.ts';

/** What a member may do at a site; the permission table of the server gives each its actions. */
export const ROLES = ['owner', 'operator', 'viewer', 'guardian'] as const;
export type Role = (typeof ROLES)[number];

export const User = Type.Object({
  userId: Id,
  email: Type.String(),
  name: Type.String(),
  administrator: Type.Boolean({ description: 'May see and change everything on this server' }),
  support: Type.Boolean({ description: 'Sees the devices of every site, never words of people' }),
  state: literals(['active', 'deactivated']),
  language: literals(LANGUAGES),
  createdAt: At,
});
export type User = Static<typeof User>;

export const Membership = Type.Object({ siteId: Id, role: literals(ROLES) });
export type Membership = Static<typeof Membership>;

export const Email = Type.String({
  minLength: 3,
  maxLength: 254,
  pattern: '^[^\\s\\u0000-\\u001f@]+@[^\\s\\u0000-\\u001f@]+$',
});

export const SetupRequest = Type.Object({
  token: Type.String({ minLength: 1, maxLength: 200, description: 'From the set-up link' }),
  email: Email,
  name: Name,
  password: Type.String({ maxLength: 1_000, description: 'At least 12 characters' }),
  siteName: Type.Optional(Name),
});
export type SetupRequest = Static<typeof SetupRequest>;

export const SignInRequest = Type.Object({ email: Email, password: Type.String({ maxLength: 1_000 }) });
export type SignInRequest = Static<typeof SignInRequest>;

/** The token is shown once; browsers get it as an httpOnly cookie too. */
export const SessionReply = Type.Object({ token: Type.String(), expiresAt: At, user: User });
export type SessionReply = Static<typeof SessionReply>;

export const MeReply = Type.Object({ user: User, memberships: Type.Array(Membership) });
export type MeReply = Static<typeof MeReply>;
