export type { Access } from './access.ts';
export { type Accounts, createAccounts } from './accounts.ts';
export type { ApiKeys } from './api-keys/api-keys.ts';
export {
  type Audit,
  type AuditEntry,
  asCaller,
  type Caller,
  callerHere,
  createAudit,
} from './audit/index.ts';
export { type AccountsConfig, accountsConfig } from './config.ts';
export { type Action, type Actor, judge, PERMISSIONS, permissionOf } from './permissions.ts';
export { protectRoutes } from './protect.ts';
export { accountRoutes } from './routes.ts';
export { SESSION_COOKIES } from './sessions/cookie.ts';
export type { Session } from './sessions/open.ts';
