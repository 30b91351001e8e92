import { type Static, Type } from 'typebox';
import { oidcConfig } from './oidc/index.ts';
import { accountsConfig as ownAccounts } from './sessions/config.ts';

/** How people come in: by what they have here, or by an identity provider. */
export const accountsConfig = Type.Object({ ...ownAccounts.properties, oidc: oidcConfig });
export type AccountsConfig = Static<typeof accountsConfig>;
