export type { Access } from './access.ts';
export { type Accounts, createAccounts } from './accounts.ts';
export type { ApiKeys } from './api-keys/api-keys.ts';
export { apiKeyRoutes } from './api-keys/routes.ts';
export {
  type Audit,
  type AuditEntry,
  asCaller,
  auditRoutes,
  type Caller,
  callerHere,
  createAudit,
} from './audit/index.ts';
export { type Action, type Actor, judge, PERMISSIONS, permissionOf } from './permissions.ts';
export { protectRoutes, SESSION_COOKIE } from './protect.ts';
export { accountRoutes } from './routes.ts';
export { secondFactorRoutes } from './second-factor/index.ts';
export type { Session } from './sessions/store.ts';
