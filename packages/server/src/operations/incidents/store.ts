import type { IncidentEvent, IncidentFacts, IncidentKind } from '@muster/contract';
import type { Generated } from 'kysely';
import type { Database } from '../../platform/db/index.ts';
import type { Done } from './duties.ts';

export interface IncidentTables {
  incidents: {
    incident_id: string;
    kind: IncidentKind;
    title: string;
    known_at: number;
    corrective_at: number | null;
    releases: string[];
    components: string[];
    facts: IncidentFacts;
    done: Done;
    opened_at: number;
    closed_at: number | null;
  };
  incident_events: {
    event_id: Generated<number>;
    incident_id: string;
    at: number;
    by_name: string | null;
    deed: string;
    note: string;
  };
}
export type IncidentRow = IncidentTables['incidents'];

/** At most so many are listed. */
const LIST_LIMIT = 500;

export function createIncidentStore(db: Database<IncidentTables>) {
  /** JSON columns are written as text: pg would make arrays of PostgreSQL out of lists. */
  const asText = (value: unknown): never => JSON.stringify(value) as never;
  return {
    async insert(row: IncidentRow): Promise<void> {
      await db
        .insertInto('incidents')
        .values({ ...row, facts: asText(row.facts), done: asText(row.done) })
        .execute();
    },

    find: (incidentId: string): Promise<IncidentRow | undefined> =>
      db.selectFrom('incidents').selectAll().where('incident_id', '=', incidentId).executeTakeFirst(),

    /** The same, and nobody else changes it until the transaction ends. */
    findForChange: (incidentId: string): Promise<IncidentRow | undefined> =>
      db.selectFrom('incidents').selectAll().where('incident_id', '=', incidentId).forUpdate().executeTakeFirst(),

    /** Newest first. */
    list: (closed: boolean): Promise<IncidentRow[]> =>
      db
        .selectFrom('incidents')
        .selectAll()
        .where('closed_at', closed ? 'is not' : 'is', null)
        .orderBy('opened_at', 'desc')
        .limit(LIST_LIMIT)
        .execute(),

    async replace(row: IncidentRow): Promise<void> {
      const { incident_id, ...columns } = row;
      await db
        .updateTable('incidents')
        .set({ ...columns, facts: asText(row.facts), done: asText(row.done) })
        .where('incident_id', '=', incident_id)
        .execute();
    },

    async addEvent(row: Omit<IncidentTables['incident_events'], 'event_id'>): Promise<void> {
      await db.insertInto('incident_events').values(row).execute();
    },

    /** In the order in which they happened. */
    async events(incidentId: string): Promise<IncidentEvent[]> {
      const rows = await db
        .selectFrom('incident_events')
        .select(['at', 'by_name', 'deed', 'note'])
        .where('incident_id', '=', incidentId)
        .orderBy('event_id')
        .execute();
      return rows.map(({ at, by_name, deed, note }) => ({ at, by: by_name, deed, note }));
    },
  };
}
