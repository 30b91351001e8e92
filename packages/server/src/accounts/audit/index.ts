export { type Audit, createAudit } from './audit.ts';
export { asCaller, callerHere } from './caller.ts';
export { type AuditActor, type AuditEntry, type Caller, type Outcome, SYSTEM } from './entries.ts';
export { redact } from './redact.ts';
export type { Target } from './requests.ts';
export type { AuditTables } from './store.ts';
