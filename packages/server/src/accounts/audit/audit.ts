import type { PoolClient, QueryConfig } from 'pg';
import type { Clock } from '../../platform/clock.ts';
import { callerHere } from './caller.ts';
import type { AuditEntry } from './entries.ts';
import { difference } from './redact.ts';
import { type AuditRow, insertEntries, insertOf, type Queryable } from './store.ts';

/** What was done, refused, or read of people. Rows are only ever added. */
export interface Audit {
  /** Resolves when the row is stored: in the unit of work that is open here, or at once. */
  append(entry: AuditEntry): Promise<void>;
  /** The same as a statement, for a unit of work to end with. */
  statementOf(entry: AuditEntry): QueryConfig;
  /** In a transaction that the caller holds. */
  appendWith(client: PoolClient, entries: readonly AuditEntry[]): Promise<void>;
}

export function createAudit(deps: { readonly pool: Queryable; readonly clock: Clock }): Audit {
  const rowOf = (entry: AuditEntry): AuditRow => toRow(entry, deps.clock.now());
  return {
    append: (entry) => insertEntries(deps.pool, [rowOf(entry)]),
    statementOf: (entry) => insertOf([rowOf(entry)]),
    async appendWith(client, entries) {
      if (entries.length > 0) await insertEntries(client, entries.map(rowOf));
    },
  };
}

function toRow({ caller = callerHere(), ...entry }: AuditEntry, now: number): AuditRow {
  const { before, after } = difference(entry.before ?? null, entry.after ?? null);
  return {
    at: now,
    action: entry.action,
    outcome: entry.outcome ?? 'succeeded',
    actor_kind: caller.actor.kind,
    actor_id: caller.actor.id,
    actor_name: caller.actor.name,
    address: caller.address,
    request_id: caller.requestId,
    session_id: caller.sessionId,
    site_id: entry.siteId ?? null,
    target_kind: entry.target?.kind ?? null,
    target_id: entry.target?.id ?? null,
    before: before === null ? null : JSON.stringify(before),
    after: after === null ? null : JSON.stringify(after),
    reason: entry.reason ?? null,
  };
}
