import { type Device, type Group, type GroupChange, type GroupCreate, MusterError } from '@muster/contract';
import type { Clock } from '../../platform/clock.ts';
import type { Database } from '../../platform/db/index.ts';
import { newId } from '../../platform/ids.ts';
import type { Devices } from '../devices.ts';
import { checkQuery } from './query.ts';
import { createGroupStore, type GroupTables } from './store.ts';

/** A list of devices that people keep, or a query that is asked anew each time. */
export interface Groups {
  /** NOT_FOUND. */
  get(groupId: string): Promise<Group>;
  /** By name; `sites` null: of every site. */
  list(options: { readonly sites: readonly string[] | null; readonly siteId?: string }): Promise<Group[]>;
  /** REQUEST_INVALID, CONFLICT for a name that the site has, NOT_FOUND for a device of another site. */
  create(request: GroupCreate & { readonly siteId: string }): Promise<Group>;
  change(groupId: string, change: GroupChange): Promise<Group>;
  delete(groupId: string): Promise<void>;
  /**
   * Active devices that are in it now, the newest first; `after` is the last id of the page before. Pages are read one
   * by one, so a device that joins or leaves a query meanwhile may be missed or come once: never twice.
   */
  members(groupId: string, page: { readonly after?: string; readonly limit: number }): Promise<Device[]>;
}

export function createGroups(deps: {
  readonly db: Database<GroupTables>;
  readonly clock: Clock;
  readonly devices: Pick<Devices, 'list'>;
}): Groups {
  const { clock, devices } = deps;
  const store = createGroupStore(deps.db);

  async function get(groupId: string): Promise<Group> {
    const group = await store.find(groupId);
    if (group === undefined) throw new MusterError('NOT_FOUND', { groupId });
    return group;
  }

  return {
    get,
    list: (options) => store.list(options),
    delete: (groupId) => store.delete(groupId),

    async create({ siteId, name, query, deviceIds }) {
      if (query !== undefined && deviceIds !== undefined) {
        throw new MusterError('REQUEST_INVALID', {}, { say: 'A group has a query or a list of devices, not both.' });
      }
      if (query !== undefined) checkQuery(query);
      const now = clock.now();
      const group: Group = { groupId: newId(now), siteId, name, query: query ?? null, createdAt: now };
      await store.create(group, deviceIds ?? []);
      return group;
    },

    async change(groupId, { name, query, add = [], remove = [] }) {
      const before = await get(groupId);
      const isList = before.query === null;
      if (isList ? query !== undefined : add.length + remove.length > 0) {
        const say = isList
          ? 'This group is a list: add and remove devices.'
          : 'This group is a query: change the query.';
        throw new MusterError('REQUEST_INVALID', { groupId }, { say });
      }
      if (query !== undefined) checkQuery(query);
      const group = { ...before, name: name ?? before.name, query: query ?? before.query };
      await store.change(group, { add, remove });
      return group;
    },

    async members(groupId, { after, limit }) {
      const group = await get(groupId);
      return devices.list({
        sites: null,
        group,
        state: 'active',
        limit,
        ...(after === undefined ? {} : { after }),
      });
    },
  };
}
