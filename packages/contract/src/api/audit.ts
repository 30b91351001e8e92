import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from './fields.ts';

export const AUDIT_OUTCOMES = ['succeeded', 'denied', 'failed'] as const;
export const AUDIT_ACTORS = ['user', 'key', 'device', 'system', 'anonymous'] as const;

/** What was done, refused, or read of people. */
export const AuditEntry = Type.Object({
  id: Type.Integer(),
  at: At,
  action: Type.String({ description: 'An action of the permission table, or what the server did by itself' }),
  outcome: literals(AUDIT_OUTCOMES),
  actor: Type.Object({
    kind: literals(AUDIT_ACTORS),
    id: nullable(Type.String()),
    name: nullable(Type.String({ description: 'What they were called then' })),
  }),
  address: nullable(Type.String({ description: 'Network address; null: the server itself' })),
  requestId: nullable(Type.String()),
  sessionId: nullable(Type.String()),
  siteId: nullable(Id),
  target: nullable(Type.Object({ kind: Type.String(), id: nullable(Type.String()) })),
  reason: nullable(Type.String({ description: 'Why it was refused or failed' })),
  before: Type.Unknown({ description: 'What it was, without secrets; of a change only what differs' }),
  after: Type.Unknown(),
});
export type AuditEntry = Static<typeof AuditEntry>;

export const AuditQuery = Type.Object(
  {
    siteId: Type.Optional(Id),
    action: Type.Optional(Type.String({ maxLength: 100 })),
    actorId: Type.Optional(Type.String({ maxLength: 100 })),
    targetId: Type.Optional(Type.String({ maxLength: 100 })),
    outcome: Type.Optional(literals(AUDIT_OUTCOMES)),
    from: Type.Optional(At),
    to: Type.Optional(At),
    limit: Type.Integer({ minimum: 1, maximum: 500, default: 50 }),
    after: Type.Optional(Type.Integer({ minimum: 1, description: '`next` of the page before' })),
  },
  { additionalProperties: false },
);
export type AuditQuery = Static<typeof AuditQuery>;

export const AuditList = Type.Object({ entries: Type.Array(AuditEntry), next: nullable(Type.Integer()) });
export type AuditList = Static<typeof AuditList>;

export const AUDIT_FORMATS = ['ndjson', 'csv'] as const;
export const AuditExportQuery = Type.Object(
  {
    siteId: Type.Optional(Id),
    from: Type.Optional(At),
    to: Type.Optional(At),
    format: Type.Unsafe<(typeof AUDIT_FORMATS)[number]>(
      Type.String({
        enum: [...AUDIT_FORMATS],
        default: 'ndjson',
        description: 'ndjson can be verified without this server; csv is for reading',
      }),
    ),
  },
  { additionalProperties: false },
);
export type AuditExportQuery = Static<typeof AuditExportQuery>;

/** What is wrong with an audit: which kind of fault, at which entry, in words. */
export const AuditFault = Type.Object({
  kind: literals(['changed', 'deleted', 'added', 'order', 'head', 'signature', 'end'] as const),
  seq: Type.Integer({ description: 'Number of the entry in the chain' }),
  say: Type.String(),
});
export type AuditFault = Static<typeof AuditFault>;

export const AuditKey = Type.Object({ publicKey: Type.String({ description: 'PEM of the Ed25519 key that signs' }) });
export type AuditKey = Static<typeof AuditKey>;

/** How far a verification is; the last one has `done`. */
export const AuditVerification = Type.Object({
  entries: Type.Integer({ description: 'Checked and found right' }),
  of: Type.Integer(),
  heads: Type.Integer({ description: 'Signatures that were checked' }),
  hash: Type.String(),
  publicKey: Type.String({ description: 'PEM of the Ed25519 key that signs' }),
  fault: nullable(AuditFault),
  done: Type.Boolean(),
});
export type AuditVerification = Static<typeof AuditVerification>;
