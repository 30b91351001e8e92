export { type Accounts, createAccounts, type NewSession } from './accounts.ts';
export { apiKeyRoutes } from './api-key-routes.ts';
export { type ApiKeys, createApiKeys } from './api-keys.ts';
export { type Action, type Actor, judge, PERMISSIONS } from './permissions.ts';
export { type Access, protectRoutes, SESSION_COOKIE } from './protect.ts';
export { accountRoutes } from './routes.ts';
export type { Session } from './store.ts';
