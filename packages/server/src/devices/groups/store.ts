import { type Group, type GroupQuery, MusterError } from '@muster/contract';
import { sql } from 'kysely';
import { type Database, isUniqueViolation } from '../../platform/db/index.ts';

export interface GroupTables {
  groups: { group_id: string; site_id: string; name: string; query: GroupQuery | null; created_at: number };
  group_members: { group_id: string; device_id: string };
  devices: { device_id: string; site_id: string };
}

/** Most groups of a site: the list is read whole. */
const MOST_GROUPS = 500;

export function createGroupStore(db: Database<GroupTables>) {
  /** NOT_FOUND, and nothing added, when one of them is not a device of the site. */
  async function add(tx: Database<GroupTables>, group: Group, deviceIds: readonly string[]): Promise<void> {
    if (deviceIds.length === 0) return;
    const ids = [...new Set(deviceIds)];
    const { rows } = await sql<{ found: number }>`
      WITH found AS (SELECT device_id FROM devices WHERE device_id = ANY(${ids}::uuid[]) AND site_id = ${group.siteId}),
      added AS (INSERT INTO group_members SELECT ${group.groupId}::uuid, device_id FROM found ON CONFLICT DO NOTHING)
      SELECT count(*) AS found FROM found`.execute(tx);
    if (rows[0]?.found !== ids.length) {
      throw new MusterError('NOT_FOUND', {}, { say: 'One of these devices is not of the site of the group.' });
    }
  }

  return {
    find: async (groupId: string): Promise<Group | undefined> => {
      const row = await db.selectFrom('groups').selectAll().where('group_id', '=', groupId).executeTakeFirst();
      return row === undefined ? undefined : toGroup(row);
    },

    /** By name. */
    list: async (options: { sites: readonly string[] | null; siteId?: string }): Promise<Group[]> => {
      if (options.sites?.length === 0) return [];
      let query = db
        .selectFrom('groups')
        .selectAll()
        .orderBy('site_id')
        .orderBy('name')
        .limit(10 * MOST_GROUPS);
      if (options.sites !== null) query = query.where('site_id', 'in', options.sites);
      if (options.siteId !== undefined) query = query.where('site_id', '=', options.siteId);
      return (await query.execute()).map(toGroup);
    },

    /** CONFLICT when the site has a group of this name, or too many; NOT_FOUND for a device of another site. */
    create: (group: Group, deviceIds: readonly string[]): Promise<void> =>
      named(group.name, () =>
        db.transaction().execute(async (tx) => {
          const { count } = await tx
            .selectFrom('groups')
            .select((eb) => eb.fn.countAll<number>().as('count'))
            .where('site_id', '=', group.siteId)
            .executeTakeFirstOrThrow();
          if (count >= MOST_GROUPS) {
            throw new MusterError('CONFLICT', {}, { say: `A site has at most ${MOST_GROUPS} groups.` });
          }
          await tx
            .insertInto('groups')
            .values({
              group_id: group.groupId,
              site_id: group.siteId,
              name: group.name,
              query: group.query === null ? null : sql`${JSON.stringify(group.query)}::jsonb`,
              created_at: group.createdAt,
            })
            .execute();
          await add(tx, group, deviceIds);
        }),
      ),

    /** All of it or nothing. */
    change: (group: Group, deviceIds: { add: readonly string[]; remove: readonly string[] }): Promise<void> =>
      named(group.name, () =>
        db.transaction().execute(async (tx) => {
          await tx
            .updateTable('groups')
            .set({
              name: group.name,
              query: group.query === null ? null : sql`${JSON.stringify(group.query)}::jsonb`,
            })
            .where('group_id', '=', group.groupId)
            .execute();
          await add(tx, group, deviceIds.add);
          await sql`DELETE FROM group_members
            WHERE group_id = ${group.groupId} AND device_id = ANY(${[...deviceIds.remove]}::uuid[])`.execute(tx);
        }),
      ),

    async delete(groupId: string): Promise<void> {
      await db.deleteFrom('groups').where('group_id', '=', groupId).execute();
    },
  };
}

async function named(name: string, write: () => Promise<void>): Promise<void> {
  try {
    await write();
  } catch (error) {
    if (!isUniqueViolation(error, 'groups_site_id_name_key')) throw error;
    throw new MusterError('CONFLICT', { name }, { say: `The site has a group "${name}" already.` });
  }
}

function toGroup(row: GroupTables['groups']): Group {
  const { group_id: groupId, site_id: siteId, name, query, created_at: createdAt } = row;
  return { groupId, siteId, name, query, createdAt };
}
