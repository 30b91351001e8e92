import { type Kysely, sql } from 'kysely';
import type { AlertTables, RuleRow } from '../tables.ts';

export type RuleStore = ReturnType<typeof createRuleStore>;

/** Stands for the server itself in alert_defaults. */
const SERVER = '00000000-0000-0000-0000-000000000000';

export function createRuleStore(db: Kysely<AlertTables>) {
  return {
    all: (limit: number): Promise<RuleRow[]> =>
      db.selectFrom('alert_rules').selectAll().where('enabled', '=', true).orderBy('rule_id').limit(limit).execute(),

    /** Differs when any rule was added, changed or deleted, by any server. */
    async version(): Promise<string> {
      const row = await db
        .selectFrom('alert_rules')
        .select((eb) => [eb.fn.max('changed_at').as('at'), eb.fn.countAll<number>().as('count')])
        .executeTakeFirstOrThrow();
      return `${row.at}/${row.count}`;
    },

    /** Rules of a site, or of the server for null; of all `sites` when no site is named. */
    async list(siteId: string | null | undefined, sites: readonly string[] | null): Promise<RuleRow[]> {
      let query = db.selectFrom('alert_rules').selectAll().orderBy('rule_id').limit(1_000);
      if (siteId === null) query = query.where('site_id', 'is', null);
      else if (siteId !== undefined) query = query.where('site_id', '=', siteId);
      if (sites !== null) query = query.where('site_id', 'in', sites.length === 0 ? [SERVER] : [...sites]);
      return query.execute();
    },

    async count(siteId: string | null): Promise<number> {
      const row = await db
        .selectFrom('alert_rules')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('site_id', siteId === null ? 'is' : '=', siteId)
        .executeTakeFirstOrThrow();
      return row.count;
    },

    find: (ruleId: string): Promise<RuleRow | undefined> =>
      db.selectFrom('alert_rules').selectAll().where('rule_id', '=', ruleId).executeTakeFirst(),

    insert: async (row: RuleRow): Promise<void> => {
      await db
        .insertInto('alert_rules')
        .values({ ...row, params: JSON.stringify(row.params) as never })
        .execute();
    },

    change: (ruleId: string, set: Partial<RuleRow>): Promise<RuleRow | undefined> =>
      db
        .updateTable('alert_rules')
        .set({ ...set, ...(set.params === undefined ? {} : { params: JSON.stringify(set.params) as never }) })
        .where('rule_id', '=', ruleId)
        .returningAll()
        .executeTakeFirst(),

    delete: (ruleId: string): Promise<RuleRow | undefined> =>
      db.deleteFrom('alert_rules').where('rule_id', '=', ruleId).returningAll().executeTakeFirst(),

    /** Makes our rules for a site (null: the server) unless that was done before; false then. All or nothing. */
    makeDefaults: (siteId: string | null, rows: readonly RuleRow[], now: number): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        const made = await tx
          .insertInto('alert_defaults')
          .values({ made_for: siteId ?? SERVER, made_at: now })
          .onConflict((at) => at.doNothing())
          .executeTakeFirst();
        if (made.numInsertedOrUpdatedRows !== 1n) return false;
        const values = rows.map((row) => ({ ...row, params: JSON.stringify(row.params) as never }));
        await tx.insertInto('alert_rules').values(values).execute();
        return true;
      }),

    /** Sites that never got their default rules: those from before there were any. */
    async sitesWithoutDefaults(): Promise<string[]> {
      const { rows } = await sql<{ site_id: string }>`
        SELECT site_id FROM sites
        WHERE NOT EXISTS (SELECT FROM alert_defaults WHERE made_for = sites.site_id)
        ORDER BY site_id LIMIT 10000`.execute(db);
      return rows.map((row) => row.site_id);
    },
  };
}
