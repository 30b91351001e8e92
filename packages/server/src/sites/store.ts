import type { CLONE_POLICIES, Language, SCREENING, SITE_KINDS, Site, SiteChange } from '@muster/contract';
import type { Database } from '../platform/db/index.ts';

export interface SiteTables {
  sites: {
    site_id: string;
    name: string;
    kind: (typeof SITE_KINDS)[number];
    language: Language;
    time_zone: string;
    keep_words: boolean;
    screening: (typeof SCREENING)[number];
    telemetry_keep_days: Site['telemetryKeepDays'];
    clone_policy: (typeof CLONE_POLICIES)[number];
    created_at: number;
  };
}
type SiteRow = SiteTables['sites'];

export function createSiteStore(db: Database<SiteTables>) {
  return {
    async insert(site: Site): Promise<void> {
      await db.insertInto('sites').values(toRow(site)).execute();
    },

    async find(siteId: string): Promise<Site | null> {
      const row = await db.selectFrom('sites').selectAll().where('site_id', '=', siteId).executeTakeFirst();
      return row === undefined ? null : toSite(row);
    },

    /** `only` limits the list to these sites; null lists all. Oldest first. */
    async list(only: readonly string[] | null): Promise<Site[]> {
      if (only?.length === 0) return [];
      let query = db.selectFrom('sites').selectAll().orderBy('site_id').limit(1_000);
      if (only !== null) query = query.where('site_id', 'in', only);
      return (await query.execute()).map(toSite);
    },

    async change(siteId: string, change: SiteChange): Promise<Site | null> {
      const row = await db
        .updateTable('sites')
        .set({
          ...(change.name === undefined ? {} : { name: change.name }),
          ...(change.kind === undefined ? {} : { kind: change.kind }),
          ...(change.language === undefined ? {} : { language: change.language }),
          ...(change.timeZone === undefined ? {} : { time_zone: change.timeZone }),
          ...(change.keepWords === undefined ? {} : { keep_words: change.keepWords }),
          ...(change.screening === undefined ? {} : { screening: change.screening }),
          ...(change.clonePolicy === undefined ? {} : { clone_policy: change.clonePolicy }),
          ...(change.telemetryKeepDays === undefined ? {} : { telemetry_keep_days: change.telemetryKeepDays }),
        })
        .where('site_id', '=', siteId)
        .returningAll()
        .executeTakeFirst();
      return row === undefined ? null : toSite(row);
    },
  };
}

function toSite(row: SiteRow): Site {
  return {
    siteId: row.site_id,
    name: row.name,
    kind: row.kind,
    language: row.language,
    timeZone: row.time_zone,
    keepWords: row.keep_words,
    screening: row.screening,
    telemetryKeepDays: row.telemetry_keep_days,
    clonePolicy: row.clone_policy,
    createdAt: row.created_at,
  };
}

function toRow(site: Site): SiteRow {
  return {
    site_id: site.siteId,
    name: site.name,
    kind: site.kind,
    language: site.language,
    time_zone: site.timeZone,
    keep_words: site.keepWords,
    screening: site.screening,
    telemetry_keep_days: site.telemetryKeepDays,
    clone_policy: site.clonePolicy,
    created_at: site.createdAt,
  };
}
