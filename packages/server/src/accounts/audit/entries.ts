/** Who did something. `name` is for people who read it: what they are called now may be another. */
export interface AuditActor {
  readonly kind: 'user' | 'key' | 'device' | 'system' | 'anonymous';
  readonly id: string | null;
  readonly name: string | null;
}

/** Who is at work here, and by which request. */
export interface Caller {
  readonly actor: AuditActor;
  /** Network address; null for the server's own work. */
  readonly address: string | null;
  readonly requestId: string | null;
  readonly sessionId: string | null;
}

export const SYSTEM: Caller = {
  actor: { kind: 'system', id: null, name: null },
  address: null,
  requestId: null,
  sessionId: null,
};

export type Outcome = 'succeeded' | 'denied' | 'failed';

export interface AuditEntry {
  /** An action of the permission table, or `<subject>.<deed>` for what is no request. */
  readonly action: string;
  readonly outcome?: Outcome;
  readonly siteId?: string | null;
  readonly target?: { readonly kind: string; readonly id: string | null } | null;
  /** What it was and what it is; secrets are taken out, and of both only what differs is kept. */
  readonly before?: unknown;
  readonly after?: unknown;
  /** Why it was refused or failed, or what else there is to say. */
  readonly reason?: string | null;
  /** Default: who is at work in this context. */
  readonly caller?: Caller;
}
