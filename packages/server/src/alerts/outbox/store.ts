import { type Kysely, sql } from 'kysely';
import type { Message } from '../episodes/episodes.ts';
import type { AlertTables, NotifierRow } from '../tables.ts';

export type OutboxStore = ReturnType<typeof createOutboxStore>;

export interface Claimed {
  readonly notification_id: string;
  readonly alert_id: string;
  readonly message: Message;
  readonly attempts: number;
  readonly created_at: number;
  readonly notifier_id: string;
  readonly kind: string;
  readonly site_id: string | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly sealed_secrets: Buffer | null;
}

const NOBODY = '00000000-0000-0000-0000-000000000000';

export function createOutboxStore(db: Kysely<AlertTables>) {
  return {
    /** Takes what is due until `until`: after a crash it is due again then. Servers that look at once get different rows. */
    async claim(now: number, until: number, limit: number): Promise<Claimed[]> {
      const { rows } = await sql<Claimed>`
        UPDATE alert_notifications AS one SET next_try_at = ${until}, attempts = one.attempts + 1
        FROM notifiers WHERE notifiers.notifier_id = one.notifier_id AND one.notification_id IN (
          SELECT notification_id FROM alert_notifications
          WHERE state = 'pending' AND next_try_at <= ${now}
          ORDER BY next_try_at, notification_id LIMIT ${limit} FOR UPDATE SKIP LOCKED
        )
        RETURNING one.notification_id, one.alert_id, one.message, one.attempts, one.created_at,
          notifiers.notifier_id, notifiers.kind, notifiers.site_id, notifiers.settings,
          notifiers.sealed_secrets`.execute(db);
      return rows.sort((a, b) => (a.notification_id < b.notification_id ? -1 : 1));
    },

    /** When something is due next, epoch ms; null when nothing waits. */
    async nextAt(): Promise<number | null> {
      const row = await db
        .selectFrom('alert_notifications')
        .select((eb) => eb.fn.min('next_try_at').as('at'))
        .where('state', '=', 'pending')
        .executeTakeFirst();
      return row?.at ?? null;
    },

    async sent(notificationId: string, now: number): Promise<void> {
      await db
        .updateTable('alert_notifications')
        .set({ state: 'sent', sent_at: now, next_try_at: null, last_error: null })
        .where('notification_id', '=', notificationId)
        .execute();
    },

    async failed(notificationId: string, why: string, nextTryAt: number): Promise<void> {
      await db
        .updateTable('alert_notifications')
        .set({ last_error: why, next_try_at: nextTryAt })
        .where('notification_id', '=', notificationId)
        .execute();
    },

    /** Given up: it says so in the log of the alert. */
    dead: (row: Claimed, why: string, note: string, now: number): Promise<void> =>
      db.transaction().execute(async (tx) => {
        await tx
          .updateTable('alert_notifications')
          .set({ state: 'dead', last_error: why, next_try_at: null })
          .where('notification_id', '=', row.notification_id)
          .execute();
        await tx
          .insertInto('alert_log')
          .values({ alert_id: row.alert_id, at: now, deed: 'undelivered', user_id: null, note })
          .execute();
      }),

    ofAlert: (alertId: string) =>
      db
        .selectFrom('alert_notifications')
        .selectAll()
        .where('alert_id', '=', alertId)
        .orderBy('notification_id')
        .limit(500)
        .execute(),

    counts: () =>
      db
        .selectFrom('alert_notifications')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('state', '=', 'pending')
        .executeTakeFirstOrThrow(),

    list(siteId: string | undefined, sites: readonly string[] | null): Promise<NotifierRow[]> {
      let query = db.selectFrom('notifiers').selectAll().orderBy('notifier_id').limit(500);
      if (siteId !== undefined) query = query.where('site_id', '=', siteId);
      if (sites !== null) query = query.where('site_id', 'in', sites.length === 0 ? [NOBODY] : [...sites]);
      return query.execute();
    },

    find: (notifierId: string): Promise<NotifierRow | undefined> =>
      db.selectFrom('notifiers').selectAll().where('notifier_id', '=', notifierId).executeTakeFirst(),

    /** How many of these are notifiers of the site (null: of the server). */
    async countOf(siteId: string | null, notifierIds: readonly string[]): Promise<number> {
      const row = await db
        .selectFrom('notifiers')
        .select((eb) => eb.fn.countAll<number>().as('count'))
        .where('notifier_id', 'in', [...notifierIds])
        .where('site_id', siteId === null ? 'is' : '=', siteId)
        .executeTakeFirstOrThrow();
      return row.count;
    },

    insert: async (row: NotifierRow): Promise<void> =>
      void (await db
        .insertInto('notifiers')
        .values({ ...row, settings: json(row.settings) })
        .execute()),

    change: (notifierId: string, { settings, ...set }: Partial<NotifierRow>): Promise<NotifierRow | undefined> =>
      db
        .updateTable('notifiers')
        .set({
          ...set,
          ...(settings === undefined ? {} : { settings: json(settings) }),
        })
        .where('notifier_id', '=', notifierId)
        .returningAll()
        .executeTakeFirst(),

    async delete(notifierId: string): Promise<boolean> {
      const done = await db.deleteFrom('notifiers').where('notifier_id', '=', notifierId).executeTakeFirst();
      return done.numDeletedRows > 0n;
    },
  };
}

/** As text, or the driver would send arrays in PostgreSQL's own notation. */
function json(value: object): never {
  return JSON.stringify(value) as never;
}
