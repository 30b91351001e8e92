import { type Static, Type } from 'typebox';
import { At, Id, Name, nullable } from './fields.ts';

/** Base64url without padding, as WebAuthn writes bytes in JSON. */
const Bytes = (most: number) => Type.String({ minLength: 1, maxLength: most, pattern: '^[A-Za-z0-9_-]+$' });
const Extensions = Type.Optional(Type.Record(Type.String({ maxLength: 100 }), Type.Unknown()));
const Attachment = Type.Optional(Type.Union([Type.String({ maxLength: 50 }), Type.Null()]));

/** What a browser gives for `navigator.credentials.create()`: WebAuthn Level 3, RegistrationResponseJSON. */
export const PasskeyRegistration = Type.Object({
  id: Bytes(1_500),
  rawId: Bytes(1_500),
  type: Type.Literal('public-key'),
  authenticatorAttachment: Attachment,
  clientExtensionResults: Extensions,
  response: Type.Object({
    clientDataJSON: Bytes(8_000),
    attestationObject: Bytes(32_000),
    transports: Type.Optional(Type.Array(Type.String({ maxLength: 32 }), { maxItems: 10 })),
    authenticatorData: Type.Optional(Bytes(8_000)),
    publicKey: Type.Optional(Bytes(8_000)),
    publicKeyAlgorithm: Type.Optional(Type.Integer()),
  }),
});
export type PasskeyRegistration = Static<typeof PasskeyRegistration>;

/** What a browser gives for `navigator.credentials.get()`: AuthenticationResponseJSON. */
export const PasskeyAnswer = Type.Object({
  id: Bytes(1_500),
  rawId: Bytes(1_500),
  type: Type.Literal('public-key'),
  authenticatorAttachment: Attachment,
  clientExtensionResults: Extensions,
  response: Type.Object({
    clientDataJSON: Bytes(8_000),
    authenticatorData: Bytes(8_000),
    signature: Bytes(4_000),
    userHandle: Type.Optional(Type.Union([Bytes(200), Type.Null()])),
  }),
});
export type PasskeyAnswer = Static<typeof PasskeyAnswer>;

/** What `PublicKeyCredential.parseCreationOptionsFromJSON()` or `parseRequestOptionsFromJSON()` takes. */
export const PasskeyOptions = Type.Object({ options: Type.Record(Type.String(), Type.Unknown()) });
export type PasskeyOptions = Static<typeof PasskeyOptions>;

export const Passkey = Type.Object({
  passkeyId: Id,
  name: Name,
  backedUp: Type.Boolean({ description: 'Also on other devices of its owner' }),
  createdAt: At,
  lastUsedAt: nullable(At),
});
export type Passkey = Static<typeof Passkey>;

export const PasskeyCreate = Type.Object(
  { name: Name, response: PasskeyRegistration },
  { additionalProperties: false },
);
export type PasskeyCreate = Static<typeof PasskeyCreate>;
export const PasskeyChange = Type.Object({ name: Name }, { additionalProperties: false });
export type PasskeyChange = Static<typeof PasskeyChange>;

export const Factors = Type.Object({
  totp: Type.Boolean({ description: 'An authenticator app gives codes' }),
  passkeys: Type.Array(Passkey),
  recoveryCodesLeft: Type.Integer(),
});
export type Factors = Static<typeof Factors>;

/** For an authenticator app; codes count once one of them was confirmed. */
export const TotpBegun = Type.Object({
  secret: Type.String({ description: 'Base32, to type by hand' }),
  uri: Type.String({ description: 'otpauth://' }),
  qr: Type.String({ description: 'The URI as a QR code: SVG' }),
});
export type TotpBegun = Static<typeof TotpBegun>;
export const TotpConfirm = Type.Object(
  { code: Type.String({ pattern: '^\\d{6}$', description: 'What the app shows now' }) },
  { additionalProperties: false },
);
export type TotpConfirm = Static<typeof TotpConfirm>;

/** Each works once, when nothing else is at hand. Shown this once. */
export const RecoveryCodes = Type.Object({ codes: Type.Array(Type.String()) });
export type RecoveryCodes = Static<typeof RecoveryCodes>;

/** What came of adding a factor. With the first one come recovery codes. */
export const FactorAdded = Type.Object({ factors: Factors, recoveryCodes: nullable(Type.Array(Type.String())) });
export type FactorAdded = Static<typeof FactorAdded>;
