import type { Turn } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface TurnTables {
  turns: {
    turn_id: string;
    device_id: string;
    site_id: string;
    started_at: number;
    cause: Turn['cause'];
    outcome: Turn['outcome'];
    error_code: Turn['errorCode'];
    stt: string | null;
    llm: string | null;
    tts: string | null;
    skill: string | null;
    /** jsonb: given as JSON text, comes back parsed. */
    times: string;
    tools: string;
    heard: string | null;
    said: string | null;
  };
}

export function createTurnStore(db: Database<TurnTables>) {
  return {
    async insert(turn: Turn): Promise<void> {
      await db
        .insertInto('turns')
        .values({
          turn_id: turn.turnId,
          device_id: turn.deviceId,
          site_id: turn.siteId,
          started_at: turn.startedAt,
          cause: turn.cause,
          outcome: turn.outcome,
          error_code: turn.errorCode,
          stt: turn.stt,
          llm: turn.llm,
          tts: turn.tts,
          skill: turn.skill,
          times: JSON.stringify(turn.times),
          tools: JSON.stringify(turn.tools),
          heard: turn.heard,
          said: turn.said,
        })
        .execute();
    },

    /** Deletes at most `limit` turns that ended before the id was made; gives their number. */
    async deleteBefore(turnId: string, limit: number): Promise<number> {
      const old = db
        .selectFrom('turns')
        .select('turn_id')
        .where('turn_id', '<', turnId)
        .orderBy('turn_id')
        .limit(limit);
      const done = await db.deleteFrom('turns').where('turn_id', 'in', old).executeTakeFirst();
      return Number(done.numDeletedRows);
    },

    /** Newest first; `after` is the last id of the page before. */
    async ofDevice(deviceId: string, limit: number, after: string | undefined): Promise<Turn[]> {
      let query = db.selectFrom('turns').selectAll().where('device_id', '=', deviceId);
      if (after !== undefined) query = query.where('turn_id', '<', after);
      const rows = await query.orderBy('turn_id', 'desc').limit(limit).execute();
      return rows.map((row) => ({
        turnId: row.turn_id,
        deviceId: row.device_id,
        siteId: row.site_id,
        startedAt: row.started_at,
        cause: row.cause,
        outcome: row.outcome,
        errorCode: row.error_code,
        stt: row.stt,
        llm: row.llm,
        tts: row.tts,
        skill: row.skill,
        times: row.times as unknown as Turn['times'],
        tools: row.tools as unknown as Turn['tools'],
        heard: row.heard,
        said: row.said,
      }));
    },
  };
}
