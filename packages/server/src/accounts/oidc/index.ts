export { type OidcConfig, oidcConfig } from './config.ts';
export { createOidc, type Oidc } from './oidc.ts';
export { oidcRoutes } from './routes.ts';
