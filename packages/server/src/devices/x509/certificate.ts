import { createHash, X509Certificate } from 'node:crypto';
import { MusterError } from '@muster/contract';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate as Certificate509,
  ExtendedKeyUsage,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_kp_clientAuth,
  KeyUsage,
  KeyUsageFlags,
} from '@peculiar/asn1-x509';
import { CERTIFICATE_BYTES, fingerprintOf } from '../../platform/tls/client-certificate.ts';

/** A certificate that was read, and is strong enough to be looked at: {@link readCertificate}. */
export interface Certificate {
  readonly x509: X509Certificate;
  readonly der: Buffer;
  /** SHA-256 of it, and of its public key, hex. */
  readonly fingerprint: string;
  readonly keyHash: string;
  /** Lower-case hex. */
  readonly serial: string;
  /** Null when it has none, or several: nobody could say which is meant. */
  readonly commonName: string | null;
  readonly beginsAt: number;
  readonly endsAt: number;
  readonly isAuthority: boolean;
  /** Authorities that may stand between it and a device; null: any number. */
  readonly pathLength: number | null;
  readonly maySignCertificates: boolean;
  /** Whether its key may prove in a handshake that it is a client. */
  readonly mayAuthenticate: boolean;
}

/** RSA PKCS #1 and ECDSA with SHA-2, and Ed25519: no SHA-1, no MD5. */
const SIGNATURES: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);
const CURVES: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const LEAST_RSA_BITS = 2_048;
const MOST_RSA_BITS = 8_192;
/** What we know the meaning of. One that is critical and unknown makes a certificate void (RFC 5280, section 4.2). */
const KNOWN_EXTENSIONS: ReadonlySet<string> = new Set([
  id_ce_basicConstraints,
  id_ce_keyUsage,
  id_ce_extKeyUsage,
  id_ce_subjectAltName,
  id_ce_subjectKeyIdentifier,
  id_ce_authorityKeyIdentifier,
]);
/** Limits which names an authority may give. We do not check them, so such an authority is none for us. */
const NAME_CONSTRAINTS = '2.5.29.30';
const ANY_PURPOSE = '2.5.29.37.0';
const COMMON_NAME = '2.5.4.3';

/** CERTIFICATE_INVALID for what is none, too weak, or limited in a way that we do not know. Nothing of it is trusted. */
export function readCertificate(der: Buffer): Certificate {
  if (der.length > CERTIFICATE_BYTES) throw invalid(`The certificate is longer than ${CERTIFICATE_BYTES} bytes.`);
  const { x509, parsed } = parse(der);
  const { extensions = [], subject } = parsed.tbsCertificate;
  if (!SIGNATURES.has(parsed.signatureAlgorithm.algorithm)) {
    throw invalid('Its signature is none of RSA or ECDSA with SHA-256, -384 or -512, or Ed25519.');
  }
  const weakness = weaknessOf(x509);
  if (weakness !== null) throw invalid(weakness);
  const known = new Map<string, ArrayBuffer>();
  for (const { extnID, critical, extnValue } of extensions) {
    if (known.has(extnID)) throw invalid(`It has the extension ${extnID} twice.`);
    known.set(extnID, extnValue.buffer);
    if (extnID === NAME_CONSTRAINTS || (critical && !KNOWN_EXTENSIONS.has(extnID))) {
      throw invalid(`It is limited by the extension ${extnID}, which is not supported.`);
    }
  }
  const basic = extension(known, id_ce_basicConstraints, BasicConstraints);
  const usage = extension(known, id_ce_keyUsage, KeyUsage)?.toNumber();
  const purposes = extension(known, id_ce_extKeyUsage, ExtendedKeyUsage);
  const may = (flag: number): boolean => usage === undefined || (usage & flag) !== 0;
  const forClients = purposes === undefined || purposes.some((id) => id === id_kp_clientAuth || id === ANY_PURPOSE);
  const names = subject.flatMap((set) => [...set]).filter(({ type }) => type === COMMON_NAME);
  const spki = x509.publicKey.export({ type: 'spki', format: 'der' });
  return {
    x509,
    der,
    fingerprint: fingerprintOf(der),
    keyHash: createHash('sha256').update(spki).digest('hex'),
    serial: canonicalSerial(x509.serialNumber),
    commonName: names.length === 1 ? names[0]?.value.toString() || null : null,
    beginsAt: x509.validFromDate.getTime(),
    endsAt: x509.validToDate.getTime(),
    isAuthority: basic?.cA === true && x509.ca,
    pathLength: basic?.pathLenConstraint ?? null,
    // an authority that names purposes limits those of what it signs
    maySignCertificates: may(KeyUsageFlags.keyCertSign) && forClients,
    mayAuthenticate: may(KeyUsageFlags.digitalSignature) && forClients,
  };
}

/** Serial numbers as people copy them from other programs: with colons, capitals, and zeros in front. */
export function canonicalSerial(serial: string): string {
  return serial
    .replaceAll(':', '')
    .toLowerCase()
    .replace(/^(00)+(?=..)/, '');
}

/** Certificates of a text in their order, at most `most`; text around them is left out. CERTIFICATE_INVALID. */
export function readPem(pem: string, most: number): Certificate[] {
  if (pem.includes('PRIVATE KEY')) throw invalid('A private key stays where it is: give the certificate only.');
  const found = [...pem.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+?)-----END CERTIFICATE-----/g)];
  if (found.length === 0 || found.length > most) {
    const many = most === 1 ? 'one certificate' : `one to ${most} certificates`;
    throw invalid(`Give ${many} as PEM: -----BEGIN CERTIFICATE----- and so on.`);
  }
  return found.map(([, text = '']) => readCertificate(Buffer.from(text, 'base64')));
}

/** Whether `issuer` signed it and was allowed to, whatever the time. */
export function isIssuedBy(certificate: Certificate, issuer: Certificate): boolean {
  return (
    issuer.isAuthority &&
    issuer.maySignCertificates &&
    certificate.x509.checkIssued(issuer.x509) &&
    certificate.x509.verify(issuer.x509.publicKey)
  );
}

export function invalid(say: string, cause?: unknown): MusterError {
  return new MusterError('CERTIFICATE_INVALID', {}, { say, cause });
}

/** Two readers: what only one of them takes, or what is followed by something, is no certificate. */
function parse(der: Buffer): { readonly x509: X509Certificate; readonly parsed: Certificate509 } {
  try {
    const x509 = new X509Certificate(der);
    const parsed = AsnConvert.parse(der, Certificate509);
    if (!x509.raw.equals(der)) throw invalid('Something follows the certificate.');
    return { x509, parsed };
  } catch (cause) {
    throw cause instanceof MusterError ? cause : invalid('It is no X.509 certificate.', cause);
  }
}

function extension<T>(known: ReadonlyMap<string, ArrayBuffer>, id: string, type: new () => T): T | undefined {
  const value = known.get(id);
  if (value === undefined) return undefined;
  try {
    return AsnConvert.parse(value, type);
  } catch (cause) {
    throw invalid(`Its extension ${id} cannot be read.`, cause);
  }
}

function weaknessOf(x509: X509Certificate): string | null {
  let key: X509Certificate['publicKey'];
  try {
    key = x509.publicKey;
  } catch (cause) {
    throw invalid('Its key is of no known kind.', cause);
  }
  const { asymmetricKeyType, asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } = key;
  if (asymmetricKeyType === 'ed25519') return null;
  if (asymmetricKeyType === 'ec') return CURVES.has(namedCurve) ? null : 'Its curve is none of P-256, P-384 and P-521.';
  if (asymmetricKeyType !== 'rsa') return 'Its key is none of RSA, ECDSA and Ed25519.';
  const fits = modulusLength >= LEAST_RSA_BITS && modulusLength <= MOST_RSA_BITS;
  return fits ? null : `Its RSA key does not have ${LEAST_RSA_BITS} to ${MOST_RSA_BITS} bits.`;
}
