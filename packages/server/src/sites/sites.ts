import { MusterError, type Site, type SiteChange, type SiteCreate } from '@muster/contract';
import type { Bus } from '../platform/bus/index.ts';
import type { Clock } from '../platform/clock.ts';
import type { Database } from '../platform/db/index.ts';
import { newId } from '../platform/ids.ts';
import { createSiteStore, type SiteTables } from './store.ts';

export interface Sites {
  create(site: SiteCreate, ownerId: string): Promise<Site>;
  /** NOT_FOUND when there is no such site. */
  get(siteId: string): Promise<Site>;
  list(only: readonly string[] | null): Promise<Site[]>;
  change(siteId: string, change: SiteChange): Promise<Site>;
}

export interface SitesDeps {
  readonly db: Database<SiteTables>;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly addOwner: (siteId: string, userId: string) => Promise<void>;
  /** Gives a new site its first assistant. */
  readonly afterCreate: (site: Site) => Promise<void>;
}

export function createSites(deps: SitesDeps): Sites {
  const store = createSiteStore(deps.db);
  return {
    async create(wanted, ownerId) {
      const now = deps.clock.now();
      const site: Site = {
        siteId: newId(now),
        name: wanted.name,
        kind: wanted.kind ?? 'home',
        language: wanted.language ?? 'en',
        timeZone: checkTimeZone(wanted.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone),
        keepWords: wanted.keepWords ?? false,
        screening: wanted.screening ?? 'none',
        telemetryKeepDays: wanted.telemetryKeepDays ?? 90,
        clonePolicy: wanted.clonePolicy ?? 'alert',
        createdAt: now,
      };
      await store.insert(site);
      await deps.addOwner(site.siteId, ownerId);
      await deps.afterCreate(site);
      return site;
    },

    async get(siteId) {
      const site = await store.find(siteId);
      if (site === null) throw new MusterError('NOT_FOUND', { siteId });
      return site;
    },

    list: (only) => store.list(only),

    async change(siteId, change) {
      if (Object.keys(change).length === 0) return this.get(siteId);
      if (change.timeZone !== undefined) checkTimeZone(change.timeZone);
      const site = await store.change(siteId, change);
      if (site === null) throw new MusterError('NOT_FOUND', { siteId });
      deps.bus.publish('site.changed', { siteId });
      return site;
    },
  };
}

function checkTimeZone(name: string): string {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch (cause) {
    const say = 'timeZone is not a name such as Asia/Ho_Chi_Minh or Europe/Berlin.';
    throw new MusterError('REQUEST_INVALID', {}, { cause, say });
  }
}
