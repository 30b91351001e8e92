import type { PoolClient } from 'pg';
import type { Database } from '../../platform/db/index.ts';

export interface AuditRow {
  readonly at: number;
  readonly action: string;
  readonly outcome: string;
  readonly actor_kind: string;
  readonly actor_id: string | null;
  readonly actor_name: string | null;
  readonly address: string | null;
  readonly request_id: string | null;
  readonly session_id: string | null;
  readonly site_id: string | null;
  readonly target_kind: string | null;
  readonly target_id: string | null;
  /** JSON text. */
  readonly before: string | null;
  readonly after: string | null;
  readonly reason: string | null;
}

export interface AuditTables {
  audit_entries: AuditRow;
}

const COLUMNS = [
  'at',
  'action',
  'outcome',
  'actor_kind',
  'actor_id',
  'actor_name',
  'address',
  'request_id',
  'session_id',
  'site_id',
  'target_kind',
  'target_id',
  'before',
  'after',
  'reason',
] as const satisfies readonly (keyof AuditRow)[];
const INSERT = `INSERT INTO audit_entries (${COLUMNS.join(', ')})
  SELECT * FROM json_to_recordset($1) AS row(at bigint, action text, outcome text, actor_kind text, actor_id text,
    actor_name text, address text, request_id text, session_id text, site_id uuid, target_kind text, target_id text,
    before json, after json, reason text)`;

export function createAuditStore(db: Database<AuditTables>) {
  return {
    async insert(rows: readonly AuditRow[]): Promise<void> {
      await db
        .insertInto('audit_entries')
        .values([...rows])
        .execute();
    },
    /** In the transaction of somebody else. */
    async insertWith(client: PoolClient, rows: readonly AuditRow[]): Promise<void> {
      const shaped = rows.map((row) => ({ ...row, before: parsed(row.before), after: parsed(row.after) }));
      await client.query(INSERT, [JSON.stringify(shaped)]);
    },
  };
}

const parsed = (json: string | null): unknown => (json === null ? null : JSON.parse(json));
