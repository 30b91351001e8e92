import type { AlertDeed, Severity } from '@muster/contract';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { AlertRow, AlertTables, MaintenanceRow, RuleRow } from '../tables.ts';

export type Tx = Transaction<AlertTables>;
export type EpisodeStore = ReturnType<typeof createEpisodeStore>;

export interface AlertQuery {
  readonly sites: readonly string[] | null;
  readonly siteId?: string | undefined;
  readonly deviceId?: string | undefined;
  readonly state?: 'open' | 'closed' | undefined;
  readonly severity?: Severity | undefined;
  /** Only of these. */
  readonly alertIds?: readonly string[] | undefined;
  readonly limit: number;
  /** Older than this alert. */
  readonly after?: string | undefined;
}

const NOBODY = '00000000-0000-0000-0000-000000000000';
const PRUNED_AT_ONCE = 1_000;

export function createEpisodeStore(db: Kysely<AlertTables>) {
  return {
    transaction: <T>(work: (tx: Tx) => Promise<T>): Promise<T> => db.transaction().execute(work),

    find: (alertId: string): Promise<AlertRow | undefined> =>
      db.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).executeTakeFirst(),

    lock: (tx: Tx, alertId: string): Promise<AlertRow | undefined> =>
      tx.selectFrom('alerts').selectAll().where('alert_id', '=', alertId).forUpdate().executeTakeFirst(),

    lockOpen: (tx: Tx, ruleId: string, subject: string): Promise<AlertRow | undefined> =>
      tx
        .selectFrom('alerts')
        .selectAll()
        .where('rule_id', '=', ruleId)
        .where('subject', '=', subject)
        .where('state', '=', 'open')
        .forUpdate()
        .executeTakeFirst(),

    openOfRule: (ruleId: string, limit: number): Promise<{ subject: string }[]> =>
      db
        .selectFrom('alerts')
        .select('subject')
        .where('rule_id', '=', ruleId)
        .where('state', '=', 'open')
        .limit(limit)
        .execute(),

    /** False when one is open already for this rule and subject. */
    async open(tx: Tx, row: AlertRow): Promise<boolean> {
      const done = await tx
        .insertInto('alerts')
        .values(row)
        .onConflict((at) => at.columns(['rule_id', 'subject']).where('state', '=', 'open').doNothing())
        .executeTakeFirst();
      return done.numInsertedOrUpdatedRows === 1n;
    },

    change: (tx: Tx, alertId: string, set: Partial<AlertRow>): Promise<AlertRow> =>
      tx.updateTable('alerts').set(set).where('alert_id', '=', alertId).returningAll().executeTakeFirstOrThrow(),

    async note(tx: Tx, alertId: string, at: number, deed: AlertDeed, userId: string | null, note: string) {
      await tx.insertInto('alert_log').values({ alert_id: alertId, at, deed, user_id: userId, note }).execute();
    },

    log: (alertId: string) =>
      db
        .selectFrom('alert_log')
        .select(['at', 'deed', 'user_id', 'note'])
        .where('alert_id', '=', alertId)
        .orderBy('entry_id')
        .limit(1_000)
        .execute(),

    async list(query: AlertQuery): Promise<AlertRow[]> {
      let rows = db.selectFrom('alerts').selectAll().orderBy('alert_id', 'desc').limit(query.limit);
      if (query.siteId !== undefined) rows = rows.where('site_id', '=', query.siteId);
      if (query.sites !== null)
        rows = rows.where('site_id', 'in', query.sites.length === 0 ? [NOBODY] : [...query.sites]);
      if (query.deviceId !== undefined) rows = rows.where('device_id', '=', query.deviceId);
      if (query.state !== undefined) rows = rows.where('state', '=', query.state);
      if (query.severity !== undefined) rows = rows.where('severity', '=', query.severity);
      if (query.alertIds !== undefined)
        rows = rows.where('alert_id', 'in', query.alertIds.length === 0 ? [NOBODY] : [...query.alertIds]);
      if (query.after !== undefined) rows = rows.where('alert_id', '<', query.after);
      return rows.execute();
    },

    /** Alerts that somebody has to look at, for this server alone until the transaction ends. */
    due: (tx: Tx, now: number, limit: number): Promise<AlertRow[]> =>
      tx
        .selectFrom('alerts')
        .selectAll()
        .where('state', '=', 'open')
        .where('next_at', '<=', now)
        .orderBy('next_at')
        .limit(limit)
        .forUpdate()
        .skipLocked()
        .execute(),

    rules: async (tx: Tx, ruleIds: readonly string[]): Promise<Map<string, RuleRow>> => {
      const rows = await tx
        .selectFrom('alert_rules')
        .selectAll()
        .where('rule_id', 'in', [...ruleIds])
        .execute();
      return new Map(rows.map((row) => [row.rule_id, row]));
    },

    /** Why nobody shall be told of an alert of this device now: 'maintenance', the id of its offline alert, or null. */
    async suppressor(tx: Tx, alert: Pick<AlertRow, 'site_id' | 'device_id' | 'rule_kind'>, now: number) {
      if (alert.site_id === null) return null;
      const window = await tx
        .selectFrom('maintenance_windows')
        .select('maintenance_id')
        .where('site_id', '=', alert.site_id)
        .where('begins_at', '<=', now)
        .where('ends_at', '>', now)
        .where((eb) => eb.or([eb('device_id', 'is', null), eb('device_id', '=', alert.device_id)]))
        .limit(1)
        .executeTakeFirst();
      if (window !== undefined) return 'maintenance';
      if (alert.device_id === null || alert.rule_kind === 'offline') return null;
      const parent = await tx
        .selectFrom('alerts')
        .select('alert_id')
        .where('device_id', '=', alert.device_id)
        .where('state', '=', 'open')
        .where('rule_kind', '=', 'offline')
        .limit(1)
        .executeTakeFirst();
      return parent?.alert_id ?? null;
    },

    /** What an alert stood for looks again at once. */
    async wakeSuppressed(tx: Tx, alertId: string, now: number): Promise<void> {
      await tx
        .updateTable('alerts')
        .set({ next_at: now })
        .where('suppressed_by', '=', alertId)
        .where('state', '=', 'open')
        .execute();
    },

    async addNotifications(
      tx: Tx,
      rows: readonly { notification_id: string; notifier_id: string }[],
      of: { alert_id: string; deed: AlertDeed; message: unknown; created_at: number },
    ): Promise<void> {
      if (rows.length === 0) return;
      // a notifier that was deleted meanwhile is nobody to tell
      await sql`
        INSERT INTO alert_notifications
          (notification_id, alert_id, notifier_id, deed, message, state, next_try_at, created_at)
        SELECT given.notification_id, ${of.alert_id}, notifiers.notifier_id, ${of.deed},
          ${JSON.stringify(of.message)}::jsonb, 'pending', ${of.created_at}, ${of.created_at}
        FROM unnest(${rows.map((row) => row.notification_id)}::uuid[],
          ${rows.map((row) => row.notifier_id)}::uuid[]) AS given (notification_id, notifier_id)
        JOIN notifiers USING (notifier_id) WHERE notifiers.enabled`.execute(tx);
    },

    severities: (deviceId: string): Promise<{ severity: Severity }[]> =>
      db
        .selectFrom('alerts')
        .select('severity')
        .distinct()
        .where('device_id', '=', deviceId)
        .where('state', '=', 'open')
        .execute(),

    openCounts: () =>
      db
        .selectFrom('alerts')
        .select((eb) => ['severity', eb.fn.countAll<number>().as('count')])
        .where('state', '=', 'open')
        .groupBy('severity')
        .execute(),

    windows: (siteId: string, now: number): Promise<MaintenanceRow[]> =>
      db
        .selectFrom('maintenance_windows')
        .selectAll()
        .where('site_id', '=', siteId)
        .where('ends_at', '>', now)
        .orderBy('ends_at')
        .limit(500)
        .execute(),

    addWindow: async (row: MaintenanceRow): Promise<void> =>
      void (await db.insertInto('maintenance_windows').values(row).execute()),

    findWindow: (maintenanceId: string): Promise<MaintenanceRow | undefined> =>
      db.selectFrom('maintenance_windows').selectAll().where('maintenance_id', '=', maintenanceId).executeTakeFirst(),

    /** What it kept quiet looks again at once. */
    deleteWindow: (row: MaintenanceRow, now: number): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom('maintenance_windows').where('maintenance_id', '=', row.maintenance_id).execute();
        await tx
          .updateTable('alerts')
          .set({ next_at: now })
          .where('suppressed_by', '=', 'maintenance')
          .where('state', '=', 'open')
          .where('site_id', '=', row.site_id)
          .execute();
      }),

    /** Removes what ended before, some at a time; true: there is more. */
    async prune(before: number): Promise<boolean> {
      const { numDeletedRows } = await db
        .deleteFrom('alerts')
        .where('alert_id', 'in', (from) =>
          from
            .selectFrom('alerts')
            .select('alert_id')
            .where('state', '=', 'closed')
            .where('closed_at', '<', before)
            .orderBy('closed_at')
            .limit(PRUNED_AT_ONCE),
        )
        .executeTakeFirstOrThrow();
      await db.deleteFrom('maintenance_windows').where('ends_at', '<', before).execute();
      return Number(numDeletedRows) === PRUNED_AT_ONCE;
    },
  };
}
