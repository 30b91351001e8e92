import {
  type CertificateAuthority,
  type CertificateAuthorityChange,
  type CertificateAuthorityCreate,
  MusterError,
} from '@muster/contract';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { newId, newSecret } from '../../platform/ids.ts';
import { type Certificate, canonicalSerial, invalid, isIssuedBy, readCertificate, readPem } from './certificate.ts';
import { revokedName } from './path.ts';
import type { AuthorityRow, CertificateStore } from './store.ts';

/** Authorities of sites: what they sign lets devices in, once the site proved that it has the key. */
export interface Authorities {
  /**
   * It waits for its proof. One whose key the site proved already is renewed by it, and stays as it is. CERTIFICATE_INVALID,
   * CONFLICT when it is another site's, QUOTA_EXCEEDED.
   */
  create(wanted: CertificateAuthorityCreate & { readonly siteId: string }): Promise<CertificateAuthority>;
  /**
   * `pem`: a certificate that the authority signed, made out to the challenge. CERTIFICATE_INVALID, which says what is
   * wrong; CONFLICT when nothing is to be proved, or another site proved that it is its own.
   */
  prove(authorityId: string, pem: string): Promise<CertificateAuthority>;
  /** NOT_FOUND */
  get(authorityId: string): Promise<CertificateAuthority>;
  /** Of a site, oldest first. */
  list(siteId: string): Promise<CertificateAuthority[]>;
  /** CONFLICT for the state of one that waits. Devices that came in by a disabled one are cut off within seconds. */
  change(authorityId: string, change: CertificateAuthorityChange): Promise<CertificateAuthority>;
  /** Its certificates are forgotten; what was revoked stays so, should it be uploaded again. */
  remove(authorityId: string): Promise<void>;
  /** `named`: a serial number or fingerprint, hex. It need not have been seen. CONFLICT when it is revoked. */
  revoke(authorityId: string, named: string, reason: string | null): Promise<void>;
}

const MOST_AUTHORITIES = 20;
/** Digits of a SHA-256 in hex; serial numbers have 40 at most (RFC 5280, section 4.1.2.2). */
const FINGERPRINT_DIGITS = 64;

export function createAuthorities(deps: {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly bus: Bus;
  /** REQUEST_INVALID for a kind of device that nobody knows. */
  readonly checkProfile: (name: string | null | undefined) => void;
}): Authorities {
  const { store, clock, bus, checkProfile } = deps;

  async function find(authorityId: string): Promise<AuthorityRow> {
    const row = await store.authority(authorityId);
    if (row === undefined) throw new MusterError('NOT_FOUND', { authorityId });
    return row;
  }

  async function set(authorityId: string, change: Parameters<typeof store.changeAuthority>[1]) {
    const row = await store.changeAuthority(authorityId, change);
    if (row === undefined) throw new MusterError('NOT_FOUND', { authorityId });
    if (row === 'taken') throw taken();
    bus.publish('certificates.changed', { siteId: row.site_id });
    return toAuthority(row);
  }

  function readAuthority(pem: string): Certificate {
    const [read] = readPem(pem, 1);
    if (read === undefined || !read.isAuthority || !read.maySignCertificates) {
      throw invalid('It is no certificate of an authority: CA:TRUE, and a key that may sign certificates of clients.');
    }
    checkTimes(read, clock.now());
    return read;
  }

  return {
    async create({ siteId, name, certificate, provisions = false, profile = null }) {
      checkProfile(profile);
      const read = readAuthority(certificate);
      const seen = await store.authorityOfKey(read.keyHash, siteId);
      if (seen !== undefined && seen.site_id !== siteId) throw taken();
      const shown = {
        subject: read.x509.subject,
        certificate: read.der,
        begins_at: read.beginsAt,
        ends_at: read.endsAt,
      };
      if (seen !== undefined) {
        return set(seen.authority_id, { ...shown, ...(seen.state === 'waiting' ? { challenge: newSecret() } : {}) });
      }
      if ((await store.countAuthorities(siteId)) >= MOST_AUTHORITIES) {
        throw new MusterError('QUOTA_EXCEEDED', { siteId, limit: MOST_AUTHORITIES });
      }
      const row: AuthorityRow = {
        authority_id: newId(clock.now()),
        site_id: siteId,
        name: name ?? read.commonName?.slice(0, 200) ?? 'Authority',
        state: 'waiting',
        challenge: newSecret(),
        key_hash: read.keyHash,
        ...shown,
        provisions,
        profile,
        created_at: clock.now(),
      };
      await store.insertAuthority(row);
      return toAuthority(row);
    },

    async prove(authorityId, pem) {
      const row = await find(authorityId);
      if (row.state !== 'waiting' || row.challenge === null) {
        throw new MusterError('CONFLICT', { authorityId }, { say: 'This authority was proved already.' });
      }
      const [proof] = readPem(pem, 1);
      const authority = readCertificate(row.certificate);
      if (proof === undefined || !isIssuedBy(proof, authority)) throw invalid('This authority did not sign it.');
      if (proof.commonName !== row.challenge) throw invalid(`Its common name is not ${row.challenge}.`);
      checkTimes(proof, clock.now());
      checkTimes(authority, clock.now());
      const proved = await set(authorityId, { state: 'active', challenge: null });
      // it was made to prove something, and names no device
      await store.revoke({
        name: revokedName(row.key_hash, proof.fingerprint),
        site_id: row.site_id,
        reason: 'proof of the authority',
        revoked_at: clock.now(),
      });
      return proved;
    },

    get: async (authorityId) => toAuthority(await find(authorityId)),
    list: async (siteId) => (await store.authorities([siteId])).map(toAuthority),

    async change(authorityId, { name, state, provisions, profile }) {
      checkProfile(profile);
      const row = await find(authorityId);
      if (state !== undefined && row.state === 'waiting') {
        const say = 'First prove that you have its key: sign the challenge with it.';
        throw new MusterError('CONFLICT', { authorityId }, { say });
      }
      const change = {
        ...(name === undefined ? {} : { name }),
        ...(state === undefined ? {} : { state }),
        ...(provisions === undefined ? {} : { provisions }),
        ...(profile === undefined ? {} : { profile }),
      };
      return Object.keys(change).length === 0 ? toAuthority(row) : set(authorityId, change);
    },

    async remove(authorityId) {
      const { site_id: siteId } = await find(authorityId);
      await store.deleteAuthority(authorityId);
      bus.publish('certificates.changed', { siteId });
    },

    async revoke(authorityId, named, reason) {
      const { site_id: siteId, key_hash: keyHash } = await find(authorityId);
      const digits = named.replaceAll(':', '').toLowerCase();
      const which = digits.length === FINGERPRINT_DIGITS ? digits : canonicalSerial(digits);
      const row = { name: revokedName(keyHash, which), site_id: siteId, reason, revoked_at: clock.now() };
      if (!(await store.revoke(row))) {
        throw new MusterError('CONFLICT', { authorityId }, { say: 'The certificate is revoked already.' });
      }
      bus.publish('certificates.changed', { siteId });
    },
  };
}

/** CERTIFICATE_INVALID outside of its times. */
export function checkTimes({ beginsAt, endsAt }: { readonly beginsAt: number; readonly endsAt: number }, now: number) {
  if (now < beginsAt) throw invalid(`It holds from ${new Date(beginsAt).toISOString()} on, not yet.`);
  if (now >= endsAt) throw invalid(`It ended at ${new Date(endsAt).toISOString()}.`);
}

function taken(): MusterError {
  return new MusterError('CONFLICT', {}, { say: 'Another site proved that this authority is its own.' });
}

function toAuthority(row: AuthorityRow): CertificateAuthority {
  return {
    authorityId: row.authority_id,
    siteId: row.site_id,
    name: row.name,
    state: row.state,
    challenge: row.challenge,
    subject: row.subject,
    fingerprint: readCertificate(row.certificate).fingerprint,
    provisions: row.provisions,
    profile: row.profile,
    beginsAt: row.begins_at,
    endsAt: row.ends_at,
    createdAt: row.created_at,
  };
}
