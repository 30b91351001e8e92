import { type Static, Type } from 'typebox';
import { ROLE_OF_GROUP } from './groups.ts';

/** https, or this machine for whoever tries it. */
const ISSUER = '^(https://[^/?#]+|http://(localhost|127\\.0\\.0\\.1|\\[::1\\])(:[0-9]+)?)(/[^?#]*)?$';

/** An identity provider that speaks OpenID Connect. Nothing of it happens without `issuer`. */
export const oidcConfig = Type.Object({
  issuer: Type.Optional(
    Type.String({
      pattern: ISSUER,
      description: 'Address of the identity provider, as its discovery document names it; https, or this machine',
    }),
  ),
  clientId: Type.Optional(Type.String({ minLength: 1, description: 'What this server is called at the provider' })),
  clientSecret: Type.Optional(
    Type.String({
      minLength: 1,
      secret: true,
      description: 'What the provider knows this server by; none: PKCE alone',
    }),
  ),
  name: Type.String({
    minLength: 1,
    maxLength: 60,
    default: 'your organisation',
    description: 'What people call the provider: "Sign in with …"',
  }),
  scopes: Type.Array(Type.String({ pattern: '^[\\x21\\x23-\\x5b\\x5d-\\x7e]+$' }), {
    default: ['openid', 'profile', 'email'],
    description: 'What is asked of the provider',
  }),
  groupsClaim: Type.String({
    minLength: 1,
    default: 'groups',
    description: 'Claim of the id token with the groups of a person; dots lead inside (realm_access.roles)',
  }),
  roles: Type.Array(Type.String({ pattern: ROLE_OF_GROUP.source }), {
    default: [],
    description: 'What members of a group are: GROUP=ROLE@SITE-ID, GROUP=administrator, GROUP=support',
  }),
  emailVerifiedClaim: Type.String({
    minLength: 1,
    default: 'email_verified',
    description: 'Claim that says that the address is really theirs (Entra ID: xms_edov)',
  }),
  secondFactorValues: Type.Array(Type.String({ minLength: 1 }), {
    default: ['mfa'],
    description: 'Values of the claims amr and acr that say that the provider asked for a second factor',
  }),
  createUsers: Type.Boolean({
    default: true,
    description: 'Whether somebody whom nobody invited becomes a user when a group makes them something here',
  }),
  contact: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Whom people ask who are not let in' }),
  ),
});
export type OidcConfig = Static<typeof oidcConfig>;
