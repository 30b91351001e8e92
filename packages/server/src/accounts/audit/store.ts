import type { PoolClient, QueryConfig } from 'pg';

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

/** Anything that takes a query: the pool (in the unit of work that is open here, or at once), or a connection. */
export type Queryable = Pick<PoolClient, 'query'>;

const TYPES = {
  at: 'bigint',
  action: 'text',
  outcome: 'text',
  actor_kind: 'text',
  actor_id: 'text',
  actor_name: 'text',
  address: 'text',
  request_id: 'text',
  session_id: 'text',
  site_id: 'uuid',
  target_kind: 'text',
  target_id: 'text',
  before: 'json',
  after: 'json',
  reason: 'text',
} as const satisfies Record<keyof AuditRow, string>;
const COLUMNS = Object.keys(TYPES).join(', ');
/** The text of `before` and `after` stays as it is, for it is hashed. */
const VALUES = Object.entries(TYPES).map(([name, type]) => (type === 'json' ? `${name}::json` : name));
const SHAPE = Object.entries(TYPES).map(([name, type]) => `${name} ${type === 'json' ? 'text' : type}`);
const INSERT = `INSERT INTO audit_entries (${COLUMNS})
  SELECT ${VALUES.join(', ')} FROM json_to_recordset($1) AS row(${SHAPE.join(', ')})`;

/** What a row is read with: a `StoredEntry`. */
export const ENTRY = `entry_id, ${Object.entries(TYPES)
  .map(([name, type]) => (type === 'json' ? `${name}::text AS ${name}` : name))
  .join(', ')}`;

/** Named, so that a connection parses and plans it once: it is part of every change. */
export const insertOf = (rows: readonly AuditRow[]): QueryConfig => ({
  name: 'audit entries',
  text: INSERT,
  values: [JSON.stringify(rows)],
});

export async function insertEntries(client: Queryable, rows: readonly AuditRow[]): Promise<void> {
  await client.query(insertOf(rows));
}
