import { codeOf, type Device, type DeviceCertificate, type DeviceCertificateBind, MusterError } from '@muster/contract';
import type { Audit } from '../../accounts/index.ts';
import type { Bus } from '../../platform/bus/index.ts';
import type { Clock } from '../../platform/clock.ts';
import { inOneUnit } from '../../platform/db/index.ts';
import { createGather } from '../../platform/gather.ts';
import { type ClientCertificate, fingerprintOf, MOST_INTERMEDIATES } from '../../platform/tls/client-certificate.ts';
import { checkTimes } from './authorities.ts';
import { type Certificate, invalid, readCertificate, readPem } from './certificate.ts';
import { findPath, type Path } from './path.ts';
import type { Authority, Bound, CertificateStore, CertificateTables } from './store.ts';
import { type CertificateWatch, refused } from './watch.ts';

/** Certificates of devices. Each lets one device in, as long as it, its authority and its device hold. */
export interface DeviceCertificates {
  /**
   * Binds a certificate to a device before it is shown; certificates between it and the authority may follow in the
   * text. CERTIFICATE_INVALID, CONFLICT when it is bound to another.
   */
  bind(device: Pick<Device, 'deviceId' | 'siteId'>, wanted: DeviceCertificateBind): Promise<DeviceCertificate>;
  /** Ordered by fingerprint. */
  list(options: Parameters<CertificateStore['certificates']>[0]): Promise<DeviceCertificate[]>;
  /**
   * The device that a connection with this certificate is; null for one that nobody here knows. CERTIFICATE_REFUSED for
   * one that is known and does not hold. One that an authority signed which makes devices is bound by this.
   */
  identify(shown: ClientCertificate): Promise<string | null>;
}

/** What devices may be called by; as `hardwareId` of DeviceCreate. */
const HARDWARE_ID = /^[A-Za-z0-9._:-]{1,64}$/;

export function createDeviceCertificates(deps: {
  readonly store: CertificateStore;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly audit: Pick<Audit, 'append'>;
  readonly watch: CertificateWatch;
  /** Makes a device without a token. CONFLICT when the hardware id is in use. */
  readonly admit: (siteId: string, wanted: { name: string; hardwareId: string; profile?: string }) => Promise<Device>;
}): DeviceCertificates {
  const { store, clock, watch } = deps;
  // a fleet that comes back asks for thousands within seconds
  const boundOf = createGather(store.bound);

  function rowOf(leaf: Certificate, path: Path<Authority>, deviceId: string): CertificateTables['device_certificates'] {
    return {
      fingerprint: leaf.fingerprint,
      authority_id: path.authority.authority_id,
      device_id: deviceId,
      serial: leaf.serial,
      subject: leaf.x509.subject,
      names: [...path.names],
      begins_at: path.beginsAt,
      ends_at: path.endsAt,
      created_at: clock.now(),
    };
  }

  async function pathOf(
    leaf: Certificate,
    intermediates: readonly Certificate[],
    siteId: string | null,
  ): Promise<Path<Authority> | null> {
    const issuers = [leaf, ...intermediates].map(({ x509 }) => x509.issuer);
    const known = await store.activeAuthorities(issuers, siteId);
    return findPath(leaf, intermediates, (issuer) => known.filter(({ subject }) => subject === issuer));
  }

  /** Binds one that was never seen here, when its authority makes devices; null when nobody knows it. */
  async function provision(shown: ClientCertificate): Promise<Bound | null> {
    const leaf = readOrNull(shown.leaf);
    if (leaf === null || leaf.isAuthority || !leaf.mayAuthenticate) return null;
    const intermediates = shown.intermediates.flatMap((der) => readOrNull(der) ?? []);
    const path = await pathOf(leaf, intermediates, null);
    if (path === null || !path.authority.provisions) return null;
    try {
      checkTimes(path, clock.now());
      checkTimes(path.authority.certificate, clock.now());
    } catch (error) {
      throw refused(error instanceof MusterError ? error.message : '');
    }
    if (await store.isRevoked(path.names)) throw refused('It was revoked.');
    const hardwareId = leaf.commonName;
    if (hardwareId === null || !HARDWARE_ID.test(hardwareId)) {
      throw refused('Its common name can be no hardware id: 1 to 64 letters, digits and . _ : -');
    }
    try {
      await bindCalled(leaf, path, hardwareId);
    } catch (error) {
      // two connections at once: the other one made it
      if (codeOf(error) !== 'CONFLICT') throw error;
      await bindCalled(leaf, path, hardwareId).catch((cause: unknown) => {
        throw codeOf(cause) === 'CONFLICT' ? refused('A device of another site has this hardware id.') : cause;
      });
    }
    return (await store.bound([leaf.fingerprint])).get(leaf.fingerprint) ?? null;
  }

  /** With the device, when there is none of this name yet: both or none. */
  function bindCalled(leaf: Certificate, path: Path<Authority>, hardwareId: string): Promise<void> {
    const { site_id: siteId, profile, authority_id: authorityId } = path.authority;
    return inOneUnit(async () => {
      const found = await store.deviceCalled(siteId, hardwareId);
      // who was thrown out does not come back by another certificate, unless somebody makes the device again
      if (found?.state === 'revoked') throw refused('The device of this name was revoked.');
      const wanted = { name: hardwareId, hardwareId, ...(profile === null ? {} : { profile }) };
      const deviceId = found?.device_id ?? (await deps.admit(siteId, wanted)).deviceId;
      if (!(await store.bind(rowOf(leaf, path, deviceId)))) return;
      await deps.audit.append({
        action: found === undefined ? 'device.create' : 'certificate.bind',
        siteId,
        target: { kind: 'device', id: deviceId },
        after: { hardwareId, certificate: leaf.fingerprint, authorityId },
        caller: {
          actor: { kind: 'device', id: deviceId, name: hardwareId },
          address: null,
          requestId: null,
          sessionId: null,
        },
      });
      deps.bus.publish('certificates.changed', { siteId });
    });
  }

  return {
    async bind({ deviceId, siteId }, { certificate }) {
      const [leaf, ...intermediates] = readPem(certificate, 1 + MOST_INTERMEDIATES);
      if (leaf === undefined || leaf.isAuthority) throw invalid('The first is the certificate of the device.');
      if (!leaf.mayAuthenticate) throw invalid('It is not made for clients (digitalSignature, clientAuth).');
      const path = await pathOf(leaf, intermediates, siteId);
      if (path === null) throw invalid('No active authority of this site signed it.');
      checkTimes(path, clock.now());
      checkTimes(path.authority.certificate, clock.now());
      if (await store.isRevoked(path.names)) throw invalid('It was revoked.');
      if (!(await store.bind(rowOf(leaf, path, deviceId)))) {
        const say = 'The certificate is bound to a device already.';
        throw new MusterError('CONFLICT', { deviceId }, { say });
      }
      deps.bus.publish('certificates.changed', { siteId });
      return {
        fingerprint: leaf.fingerprint,
        authorityId: path.authority.authority_id,
        deviceId,
        serial: leaf.serial,
        subject: leaf.x509.subject,
        revoked: false,
        beginsAt: path.beginsAt,
        endsAt: path.endsAt,
        createdAt: clock.now(),
      };
    },

    list: (options) => store.certificates(options),

    async identify(shown) {
      const fingerprint = fingerprintOf(shown.leaf);
      if ((await boundOf(fingerprint)) === undefined && (await provision(shown)) === null) return null;
      return watch.enter(fingerprint, async () => {
        const bound = await boundOf(fingerprint);
        if (bound === undefined) throw refused('Its authority is gone.');
        return bound;
      });
    },
  };
}

/** Null for what is no certificate, or one that we do not take. */
function readOrNull(der: Buffer): Certificate | null {
  try {
    return readCertificate(der);
  } catch (error) {
    if (codeOf(error) === 'CERTIFICATE_INVALID') return null;
    throw error;
  }
}
