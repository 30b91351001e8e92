import type { JsonObject } from '@muster/contract';
import { sql } from 'kysely';
import type { Database } from '../../platform/db/index.ts';
import type { Half, Times } from './merge.ts';

export interface TwinTables {
  twins: {
    device_id: string;
    desired: JsonObject;
    desired_version: number;
    desired_times: Times;
    reported: JsonObject;
    reported_version: number;
    reported_times: Times;
  };
}
export type TwinRow = TwinTables['twins'];

export function createTwinStore(db: Database<TwinTables>) {
  return {
    find: (deviceId: string): Promise<TwinRow | undefined> =>
      db.selectFrom('twins').selectAll().where('device_id', '=', deviceId).executeTakeFirst(),

    /** By device. */
    async findAll(deviceIds: readonly string[]): Promise<Map<string, TwinRow>> {
      const rows = await db
        .selectFrom('twins')
        .selectAll()
        .where(sql<boolean>`device_id = ANY(${[...deviceIds]}::uuid[])`)
        .execute();
      return new Map(rows.map((row) => [row.device_id, row]));
    },

    /**
     * Changes one half while nobody else does. `change` gets the row as it is and gives the half anew, or null for no
     * change. What is given is the row afterwards.
     */
    change: (
      deviceId: string,
      half: 'desired' | 'reported',
      change: (row: TwinRow) => Half | null,
    ): Promise<{ readonly row: TwinRow; readonly changed: boolean }> =>
      db.transaction().execute(async (tx) => {
        await sql`INSERT INTO twins (device_id) VALUES (${deviceId}) ON CONFLICT DO NOTHING`.execute(tx);
        const row = await tx
          .selectFrom('twins')
          .selectAll()
          .where('device_id', '=', deviceId)
          .forUpdate()
          .executeTakeFirstOrThrow();
        const after = change(row);
        if (after === null) return { row, changed: false };
        const [value, times] = [JSON.stringify(after.value), JSON.stringify(after.times)];
        const updated = await tx
          .updateTable('twins')
          .set(
            half === 'desired'
              ? {
                  desired: sql`${value}::jsonb`,
                  desired_times: sql`${times}::jsonb`,
                  desired_version: row.desired_version + 1,
                }
              : {
                  reported: sql`${value}::jsonb`,
                  reported_times: sql`${times}::jsonb`,
                  reported_version: row.reported_version + 1,
                },
          )
          .where('device_id', '=', deviceId)
          .returningAll()
          .executeTakeFirstOrThrow();
        return { row: updated, changed: true };
      }),
  };
}
