import type { Assistant, AssistantChange, Language } from '@muster/contract';
import type { Database } from '../../platform/db/index.ts';

export interface AssistantTables {
  assistants: {
    assistant_id: string;
    site_id: string;
    name: string;
    persona: string;
    language: Language;
    voice: string | null;
    allowed_tools: string[] | null;
    stt: string[] | null;
    llm: string[] | null;
    tts: string[] | null;
    memory_turns: number;
    created_at: number;
  };
}
type AssistantRow = AssistantTables['assistants'];

export function createAssistantStore(db: Database<AssistantTables>) {
  return {
    async insert(assistant: Assistant): Promise<void> {
      await db.insertInto('assistants').values(toRow(assistant)).execute();
    },

    async find(assistantId: string): Promise<Assistant | null> {
      const row = await db
        .selectFrom('assistants')
        .selectAll()
        .where('assistant_id', '=', assistantId)
        .executeTakeFirst();
      return row === undefined ? null : toAssistant(row);
    },

    /** Oldest first: the first is the one that serves devices pointed at none. */
    async ofSite(siteId: string): Promise<Assistant[]> {
      const query = db.selectFrom('assistants').selectAll().where('site_id', '=', siteId);
      return (await query.orderBy('created_at').limit(1_000).execute()).map(toAssistant);
    },

    async change(assistantId: string, change: AssistantChange): Promise<Assistant | null> {
      const { allowedTools, memoryTurns, ...same } = change;
      const row = await db
        .updateTable('assistants')
        .set({
          ...same,
          ...(allowedTools === undefined ? {} : { allowed_tools: allowedTools }),
          ...(memoryTurns === undefined ? {} : { memory_turns: memoryTurns }),
        })
        .where('assistant_id', '=', assistantId)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toAssistant(row);
    },

    /** False, and nothing deleted, when it is the last one of its site. */
    delete: (assistantId: string, siteId: string): Promise<boolean> =>
      db.transaction().execute(async (tx) => {
        // two deletes at once wait for each other here, so that they cannot both see another one left
        const of = await tx
          .selectFrom('assistants')
          .select('assistant_id')
          .where('site_id', '=', siteId)
          .forUpdate()
          .execute();
        if (of.length <= 1) return false;
        await tx.deleteFrom('assistants').where('assistant_id', '=', assistantId).execute();
        return true;
      }),
  };
}

function toAssistant(row: AssistantRow): Assistant {
  const { assistant_id, site_id, allowed_tools, memory_turns, created_at, ...same } = row;
  return {
    ...same,
    assistantId: assistant_id,
    siteId: site_id,
    allowedTools: allowed_tools,
    memoryTurns: memory_turns,
    createdAt: created_at,
  };
}

function toRow(assistant: Assistant): AssistantRow {
  const { assistantId, siteId, allowedTools, memoryTurns, createdAt, ...same } = assistant;
  return {
    ...same,
    assistant_id: assistantId,
    site_id: siteId,
    allowed_tools: allowedTools,
    memory_turns: memoryTurns,
    created_at: createdAt,
  };
}
