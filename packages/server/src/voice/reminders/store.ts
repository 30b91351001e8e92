import { type Kysely, sql } from 'kysely';

export type ReminderKind = 'timer' | 'alarm' | 'reminder';
export type ReminderState = 'waiting' | 'rung' | 'cancelled' | 'missed';

export interface ReminderRow {
  reminder_id: string;
  device_id: string;
  kind: ReminderKind;
  /** Epoch ms */
  due_at: number;
  label: string | null;
  state: ReminderState;
  /** Epoch ms until which nobody else may ring it: a claim, or a pause after a ring that was not heard. */
  claimed_until: number;
  created_at: number;
  rung_at: number | null;
}
export interface ReminderTables {
  reminders: ReminderRow;
}
export type ReminderStore = ReturnType<typeof createReminderStore>;

export function createReminderStore(db: Kysely<ReminderTables>) {
  return {
    /** Adds a row unless the device has `limit` waiting; false then. Adds of one device wait for each other. */
    async add(row: Omit<ReminderRow, 'state' | 'claimed_until' | 'rung_at'>, limit: number): Promise<boolean> {
      return db.transaction().execute(async (transaction) => {
        await sql`SELECT pg_advisory_xact_lock(hashtextextended(${row.device_id}, 3))`.execute(transaction);
        const { waiting } = await transaction
          .selectFrom('reminders')
          .select((eb) => eb.fn.countAll<number>().as('waiting'))
          .where('device_id', '=', row.device_id)
          .where('state', '=', 'waiting')
          .executeTakeFirstOrThrow();
        if (waiting >= limit) return false;
        await transaction
          .insertInto('reminders')
          .values({ ...row, state: 'waiting', claimed_until: 0, rung_at: null })
          .execute();
        return true;
      });
    },

    /** Waiting reminders of the device, the next one first. */
    async waiting(deviceId: string): Promise<ReminderRow[]> {
      return db
        .selectFrom('reminders')
        .selectAll()
        .where('device_id', '=', deviceId)
        .where('state', '=', 'waiting')
        .orderBy('due_at')
        .execute();
    },

    /** Cancels those of the device that still wait. Gives the ids that it cancelled. */
    async cancel(deviceId: string, reminderIds: readonly string[]): Promise<string[]> {
      if (reminderIds.length === 0) return [];
      const rows = await db
        .updateTable('reminders')
        .set({ state: 'cancelled' })
        .where('device_id', '=', deviceId)
        .where('reminder_id', 'in', reminderIds)
        .where('state', '=', 'waiting')
        .returning('reminder_id')
        .execute();
      return rows.map((row) => row.reminder_id);
    },

    /** Claims the earliest due reminder of each of the devices; servers that look at once get different rows. */
    async claim(deviceIds: readonly string[], now: number, until: number, limit: number): Promise<ReminderRow[]> {
      const claimed = await sql<ReminderRow>`
        UPDATE reminders SET claimed_until = ${until}
        WHERE reminder_id IN (
          SELECT reminder_id FROM reminders AS one
          WHERE state = 'waiting' AND due_at <= ${now} AND claimed_until <= ${now}
            AND device_id = ANY(${deviceIds}::uuid[])
            AND NOT EXISTS (
              SELECT FROM reminders AS earlier
              WHERE earlier.device_id = one.device_id AND earlier.state = 'waiting'
                AND (earlier.due_at, earlier.reminder_id) < (one.due_at, one.reminder_id)
            )
          ORDER BY due_at LIMIT ${limit}
          FOR UPDATE SKIP LOCKED
        )
        RETURNING *`.execute(db);
      return claimed.rows;
    },

    /** Marks a claimed reminder as rung. */
    async confirm(reminderId: string, rungAt: number): Promise<void> {
      await db
        .updateTable('reminders')
        .set({ state: 'rung', rung_at: rungAt })
        .where('reminder_id', '=', reminderId)
        .where('state', '=', 'waiting')
        .execute();
    },

    /** Gives a claim back: it may ring again from `at`. */
    async release(reminderId: string, at: number): Promise<void> {
      await db
        .updateTable('reminders')
        .set({ claimed_until: at })
        .where('reminder_id', '=', reminderId)
        .where('state', '=', 'waiting')
        .execute();
    },

    /** Lets the claims on a device's reminders end now, after a new connection. */
    async releaseDevice(deviceId: string): Promise<void> {
      await db
        .updateTable('reminders')
        .set({ claimed_until: 0 })
        .where('device_id', '=', deviceId)
        .where('state', '=', 'waiting')
        .where('claimed_until', '>', 0)
        .execute();
    },

    /** Gives up on those that were due before `dueBefore`. Gives their number. */
    async miss(dueBefore: number): Promise<number> {
      const { numUpdatedRows } = await db
        .updateTable('reminders')
        .set({ state: 'missed' })
        .where('state', '=', 'waiting')
        .where('due_at', '<', dueBefore)
        .executeTakeFirst();
      return Number(numUpdatedRows);
    },

    /** When the first reminder of one of these devices may ring, epoch ms; null when none waits. Others wait behind it. */
    async nextAt(deviceIds: readonly string[]): Promise<number | null> {
      const { rows } = await sql<{ at: number | null }>`
        SELECT min(greatest(due_at, claimed_until)) AS at FROM (
          SELECT DISTINCT ON (device_id) due_at, claimed_until FROM reminders
          WHERE state = 'waiting' AND device_id = ANY(${deviceIds}::uuid[])
          ORDER BY device_id, due_at, reminder_id
        ) AS first`.execute(db);
      return rows[0]?.at ?? null;
    },
  };
}
