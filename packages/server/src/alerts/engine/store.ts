import { type Kysely, sql } from 'kysely';
import type { Firing } from '../rules/define.ts';
import type { AlertTables } from '../tables.ts';

export type StateStore = ReturnType<typeof createStateStore>;

export interface KeptState {
  readonly ruleId: string;
  readonly subject: string;
  /** JSON; null: forget it. */
  readonly state: string | null;
}

export function createStateStore(db: Kysely<AlertTables>) {
  return {
    /** States of these subjects by `rule id/subject`. */
    async load(subjects: readonly string[]): Promise<Map<string, Firing>> {
      if (subjects.length === 0) return new Map();
      const { rows } = await sql<{ rule_id: string; subject: string; state: Firing }>`
        SELECT rule_id, subject, state FROM alert_rule_states WHERE subject = ANY(${[...subjects]}::text[])`.execute(
        db,
      );
      return new Map(rows.map((row) => [`${row.rule_id}/${row.subject}`, row.state]));
    },

    /** `rule id/subject` of what is open at these subjects. */
    async open(subjects: readonly string[]): Promise<Set<string>> {
      if (subjects.length === 0) return new Set();
      const { rows } = await sql<{ rule_id: string; subject: string }>`
        SELECT rule_id, subject FROM alerts WHERE state = 'open' AND subject = ANY(${[...subjects]}::text[])`.execute(
        db,
      );
      return new Set(rows.map((row) => `${row.rule_id}/${row.subject}`));
    },

    /** `rule id/subject` of everything that is open, the newest `limit` of it. */
    async allOpen(limit: number): Promise<Set<string>> {
      const { rows } = await sql<{ rule_id: string; subject: string }>`
        SELECT rule_id, subject FROM alerts WHERE state = 'open' ORDER BY alert_id DESC LIMIT ${limit}`.execute(db);
      return new Set(rows.map((row) => `${row.rule_id}/${row.subject}`));
    },

    /** In one statement each way; states of rules that are gone are left out. */
    async save(states: readonly KeptState[]): Promise<void> {
      const kept = states.filter(({ state }) => state !== null);
      const dropped = states.filter(({ state }) => state === null);
      if (kept.length > 0) {
        await sql`
          INSERT INTO alert_rule_states (rule_id, subject, state)
          SELECT given.rule_id, given.subject, given.state
          FROM unnest(${kept.map(({ ruleId }) => ruleId)}::uuid[], ${kept.map(({ subject }) => subject)}::text[],
            ${kept.map(({ state }) => state)}::jsonb[]) AS given (rule_id, subject, state)
          JOIN alert_rules USING (rule_id)
          ON CONFLICT (rule_id, subject) DO UPDATE SET state = excluded.state`.execute(db);
      }
      if (dropped.length > 0) {
        await sql`
          DELETE FROM alert_rule_states USING unnest(${dropped.map(({ ruleId }) => ruleId)}::uuid[],
            ${dropped.map(({ subject }) => subject)}::text[]) AS given (rule_id, subject)
          WHERE alert_rule_states.rule_id = given.rule_id AND alert_rule_states.subject = given.subject`.execute(db);
      }
    },
  };
}
