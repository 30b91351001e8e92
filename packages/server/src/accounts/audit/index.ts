export { type Audit, createAudit } from './audit.ts';
export { type AuditBook, createAuditBook } from './book.ts';
export { asCaller, callerHere } from './caller.ts';
export { type AuditActor, type AuditEntry, type Caller, type Outcome, SYSTEM } from './entries.ts';
export { redact } from './redact.ts';
export type { Target } from './requests.ts';
export { auditRoutes } from './routes.ts';
export { createSealer, newSigningKey, type Sealer } from './sealer.ts';
