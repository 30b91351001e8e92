import { type Static, Type } from 'typebox';
import { At, Id, literals, Name, nullable } from '../fields.ts';

export const AUTHORITY_STATES = ['waiting', 'active', 'disabled'] as const;

const Fingerprint = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 of the certificate, hex' });
const Subject = Type.String({ description: 'Who it was made out to, one part a line' });
const Pem = Type.String({ minLength: 1, maxLength: 65_536, description: 'PEM: -----BEGIN CERTIFICATE-----' });
const Profile = nullable(Type.String({ maxLength: 64, description: 'The profile of devices that it makes' }));
const Provisions = Type.Boolean({
  description: 'Whether a certificate that nobody saw before makes, or finds, the device that its common name names',
});

/** An authority whose certificates let devices of one site in. */
export const CertificateAuthority = Type.Object({
  authorityId: Id,
  siteId: Id,
  name: Name,
  state: literals(AUTHORITY_STATES, 'waiting: until the site proved that it has the key'),
  challenge: nullable(
    Type.String({
      description: 'While it waits: the common name of the certificate that proves it; sign one with its key',
    }),
  ),
  subject: Subject,
  fingerprint: Fingerprint,
  provisions: Provisions,
  profile: Profile,
  beginsAt: At,
  endsAt: At,
  createdAt: At,
});
export type CertificateAuthority = Static<typeof CertificateAuthority>;

export const CertificateAuthorityCreate = Type.Object(
  {
    siteId: Type.Optional(Id),
    name: Type.Optional(Name),
    certificate: Pem,
    provisions: Type.Optional(Provisions),
    profile: Type.Optional(Profile),
  },
  { additionalProperties: false },
);
export type CertificateAuthorityCreate = Static<typeof CertificateAuthorityCreate>;

export const CertificateAuthorityChange = Type.Object(
  {
    name: Type.Optional(Name),
    state: Type.Optional(literals(['active', 'disabled'], 'disabled: its certificates let nobody in')),
    provisions: Type.Optional(Provisions),
    profile: Type.Optional(Profile),
  },
  { additionalProperties: false },
);
export type CertificateAuthorityChange = Static<typeof CertificateAuthorityChange>;

export const CertificateProof = Type.Object({ certificate: Pem }, { additionalProperties: false });
export type CertificateProof = Static<typeof CertificateProof>;

export const CertificateAuthorityList = Type.Object({ authorities: Type.Array(CertificateAuthority) });
export type CertificateAuthorityList = Static<typeof CertificateAuthorityList>;

/** A certificate that lets one device in. */
export const DeviceCertificate = Type.Object({
  fingerprint: Fingerprint,
  authorityId: Id,
  deviceId: nullable(Id),
  serial: Type.String({ description: 'Hex' }),
  subject: Subject,
  revoked: Type.Boolean(),
  beginsAt: At,
  endsAt: Type.Integer({ description: 'Epoch milliseconds; of the first on its way to the authority that ends' }),
  createdAt: At,
});
export type DeviceCertificate = Static<typeof DeviceCertificate>;

export const DeviceCertificateBind = Type.Object({ certificate: Pem }, { additionalProperties: false });
export type DeviceCertificateBind = Static<typeof DeviceCertificateBind>;

export const DeviceCertificateList = Type.Object({
  certificates: Type.Array(DeviceCertificate),
  next: nullable(Fingerprint),
});
export type DeviceCertificateList = Static<typeof DeviceCertificateList>;

/** What can be revoked need not have been seen: a certificate that was stolen before it was used. */
export const CertificateRevoke = Type.Object(
  {
    certificate: Type.String({
      pattern: '^([0-9a-fA-F]{2}:?){1,64}$',
      description: 'Its serial number, or its SHA-256 fingerprint, hex, with or without colons',
    }),
    reason: Type.Optional(Type.String({ maxLength: 200 })),
  },
  { additionalProperties: false },
);
export type CertificateRevoke = Static<typeof CertificateRevoke>;
