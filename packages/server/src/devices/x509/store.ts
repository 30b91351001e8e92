import { type CertificateAuthority, type DeviceCertificate, MusterError } from '@muster/contract';
import { sql } from 'kysely';
import { type Database, isUniqueViolation } from '../../platform/db/index.ts';
import { type Certificate, readCertificate } from './certificate.ts';

export interface CertificateTables {
  certificate_authorities: {
    authority_id: string;
    site_id: string;
    name: string;
    state: CertificateAuthority['state'];
    challenge: string | null;
    key_hash: string;
    subject: string;
    certificate: Buffer;
    provisions: boolean;
    profile: string | null;
    begins_at: number;
    ends_at: number;
    created_at: number;
  };
  device_certificates: {
    fingerprint: string;
    authority_id: string;
    device_id: string | null;
    serial: string;
    subject: string;
    names: string[];
    begins_at: number;
    ends_at: number;
    created_at: number;
  };
  revoked_certificates: { name: string; site_id: string; reason: string | null; revoked_at: number };
  certificate_changes: { version: number };
  devices: { device_id: string; site_id: string; hardware_id: string; state: 'active' | 'revoked'; simulated: boolean };
}
export type AuthorityRow = CertificateTables['certificate_authorities'];

/** An authority as certificates are checked against it. */
export interface Authority extends Omit<AuthorityRow, 'certificate'> {
  readonly certificate: Certificate;
}

/** What is known of a certificate that is bound to a device. */
export interface Bound {
  readonly fingerprint: string;
  /** Null when the device is gone. */
  readonly deviceId: string | null;
  /** Whether the device is in use, and still of the site of the authority. */
  readonly isDeviceActive: boolean;
  readonly isAuthorityActive: boolean;
  readonly isRevoked: boolean;
  readonly beginsAt: number;
  readonly endsAt: number;
}

export type CertificateStore = ReturnType<typeof createCertificateStore>;

export function createCertificateStore(db: Database<CertificateTables>) {
  const isRevoked = sql<boolean>`EXISTS (SELECT FROM revoked_certificates WHERE name = ANY(names))`;

  return {
    authority: (authorityId: string) =>
      db.selectFrom('certificate_authorities').selectAll().where('authority_id', '=', authorityId).executeTakeFirst(),

    /** Of these sites; null: of all. Oldest first. */
    async authorities(only: readonly string[] | null): Promise<AuthorityRow[]> {
      if (only?.length === 0) return [];
      const query = db.selectFrom('certificate_authorities').selectAll().orderBy('authority_id').limit(1_000);
      return (only === null ? query : query.where('site_id', 'in', only)).execute();
    },

    countAuthorities: async (siteId: string): Promise<number> =>
      (
        await db
          .selectFrom('certificate_authorities')
          .select((eb) => eb.fn.countAll<number>().as('count'))
          .where('site_id', '=', siteId)
          .executeTakeFirstOrThrow()
      ).count,

    /** The one of any site whose key this is and that was proved, or the one of this site. */
    authorityOfKey: (keyHash: string, siteId: string) =>
      db
        .selectFrom('certificate_authorities')
        .selectAll()
        .where('key_hash', '=', keyHash)
        .where((eb) => eb.or([eb('site_id', '=', siteId), eb('state', '<>', 'waiting')]))
        .orderBy(sql`state = 'waiting'`)
        .executeTakeFirst(),

    /** CONFLICT when the site uploads it twice at once. */
    async insertAuthority(row: AuthorityRow): Promise<void> {
      const done = await db
        .insertInto('certificate_authorities')
        .values(row)
        .onConflict((at) => at.columns(['site_id', 'key_hash']).doNothing())
        .executeTakeFirst();
      if (done.numInsertedOrUpdatedRows !== 1n) throw new MusterError('CONFLICT', { authorityId: row.authority_id });
    },

    /** Undefined when it is gone; `taken` when another site proved the same key. */
    async changeAuthority(
      authorityId: string,
      set: Partial<Omit<AuthorityRow, 'authority_id' | 'site_id' | 'key_hash' | 'created_at'>>,
    ): Promise<AuthorityRow | undefined | 'taken'> {
      try {
        return await db
          .updateTable('certificate_authorities')
          .set(set)
          .where('authority_id', '=', authorityId)
          .returningAll()
          .executeTakeFirst();
      } catch (error) {
        if (isUniqueViolation(error, 'certificate_authorities_key')) return 'taken';
        throw error;
      }
    },

    async deleteAuthority(authorityId: string): Promise<void> {
      await db.deleteFrom('certificate_authorities').where('authority_id', '=', authorityId).execute();
    },

    /** Active ones with one of these names; `siteId` null: of any site. */
    async activeAuthorities(subjects: readonly string[], siteId: string | null): Promise<Authority[]> {
      const query = db
        .selectFrom('certificate_authorities')
        .selectAll()
        .where('state', '=', 'active')
        .where(sql<boolean>`subject = ANY(${[...new Set(subjects)]}::text[])`)
        .orderBy('authority_id')
        .limit(100);
      const rows = await (siteId === null ? query : query.where('site_id', '=', siteId)).execute();
      return rows.map((row) => ({ ...row, certificate: readCertificate(row.certificate) }));
    },

    /** What is known of these fingerprints. */
    async bound(fingerprints: readonly string[]): Promise<Map<string, Bound>> {
      const rows = await db
        .selectFrom('device_certificates as one')
        .innerJoin('certificate_authorities as authority', 'authority.authority_id', 'one.authority_id')
        .leftJoin('devices', 'devices.device_id', 'one.device_id')
        .select(['one.fingerprint', 'one.device_id as deviceId', isRevoked.as('isRevoked')])
        .select(sql<boolean>`authority.state = 'active'`.as('isAuthorityActive'))
        .select(
          sql<boolean>`coalesce(devices.state = 'active' AND devices.site_id = authority.site_id, false)`.as(
            'isDeviceActive',
          ),
        )
        .select(sql<number>`greatest(one.begins_at, authority.begins_at)`.as('beginsAt'))
        .select(sql<number>`least(one.ends_at, authority.ends_at)`.as('endsAt'))
        .where(sql<boolean>`one.fingerprint = ANY(${[...fingerprints]}::text[])`)
        .execute();
      return new Map(rows.map((row) => [row.fingerprint, row]));
    },

    /** False when the certificate is bound already. */
    async bind(row: CertificateTables['device_certificates']): Promise<boolean> {
      const done = await db
        .insertInto('device_certificates')
        .values(row)
        .onConflict((at) => at.column('fingerprint').doNothing())
        .executeTakeFirst();
      return done.numInsertedOrUpdatedRows === 1n;
    },

    async isRevoked(names: readonly string[]): Promise<boolean> {
      const found = await db
        .selectFrom('revoked_certificates')
        .select('name')
        .where('name', 'in', names)
        .executeTakeFirst();
      return found !== undefined;
    },

    /** False when it is revoked already. */
    async revoke(row: CertificateTables['revoked_certificates']): Promise<boolean> {
      const done = await db
        .insertInto('revoked_certificates')
        .values(row)
        .onConflict((at) => at.doNothing())
        .executeTakeFirst();
      return done.numInsertedOrUpdatedRows === 1n;
    },

    /** Ordered by fingerprint; `sites` null: of all. */
    async certificates(options: {
      readonly sites: readonly string[] | null;
      readonly deviceId?: string;
      readonly authorityId?: string;
      readonly after?: string;
      readonly limit: number;
    }): Promise<DeviceCertificate[]> {
      const { sites, deviceId, authorityId, after } = options;
      if (sites?.length === 0) return [];
      let query = db
        .selectFrom('device_certificates as one')
        .innerJoin('certificate_authorities as authority', 'authority.authority_id', 'one.authority_id')
        .select(['one.fingerprint', 'one.authority_id as authorityId', 'one.device_id as deviceId', 'one.serial'])
        .select(['one.subject', 'one.begins_at as beginsAt', 'one.ends_at as endsAt', 'one.created_at as createdAt'])
        .select(isRevoked.as('revoked'))
        .orderBy('one.fingerprint')
        .limit(options.limit);
      if (sites !== null) query = query.where('authority.site_id', 'in', sites);
      if (deviceId !== undefined) query = query.where('one.device_id', '=', deviceId);
      if (authorityId !== undefined) query = query.where('one.authority_id', '=', authorityId);
      if (after !== undefined) query = query.where('one.fingerprint', '>', after);
      return query.execute();
    },

    /** Of the site, with this hardware id or id: the active one comes first. */
    deviceCalled: (siteId: string, name: string) =>
      db
        .selectFrom('devices')
        .select(['device_id', 'state'])
        .where('site_id', '=', siteId)
        .where(sql<boolean>`(hardware_id = ${name} OR device_id::text = lower(${name}))`)
        .orderBy('state')
        .executeTakeFirst(),

    /** When the certificates of each device end, the last of those that hold; null: it has none that holds. */
    async ends(): Promise<{ readonly deviceId: string; readonly siteId: string; readonly endsAt: number | null }[]> {
      const { rows } = await sql<{ deviceId: string; siteId: string; endsAt: number | null }>`
        SELECT one.device_id AS "deviceId", authority.site_id AS "siteId",
          max(least(one.ends_at, authority.ends_at)) FILTER (WHERE authority.state = 'active' AND NOT ${isRevoked})
            AS "endsAt"
        FROM device_certificates one JOIN certificate_authorities authority USING (authority_id)
        WHERE one.device_id IS NOT NULL GROUP BY 1, 2`.execute(db);
      return rows;
    },

    /** Another after every change that may end a certificate. */
    version: async (): Promise<number> =>
      (await db.selectFrom('certificate_changes').select('version').executeTakeFirstOrThrow()).version,
  };
}
