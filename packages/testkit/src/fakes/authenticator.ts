import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

/** A passkey device in software (WebAuthn Level 3, ES256, no attestation): what a browser and its owner would answer. */
export interface Authenticator {
  /** The answer to what `parseCreationOptionsFromJSON()` takes. */
  create(options: Record<string, unknown>, as: AnswerAs): AuthenticatorAnswer;
  /** The answer to what `parseRequestOptionsFromJSON()` takes. */
  get(options: Record<string, unknown>, as: AnswerAs): AuthenticatorAnswer;
}

export interface AnswerAs {
  /** Of the page: `https://muster.example.com`. */
  readonly origin: string;
  /** What the authenticator was asked for; default: the host of the origin. */
  readonly rpId?: string;
  /** Whether its owner was recognised by finger, face or PIN; default: yes. */
  readonly verified?: boolean;
  /** The signature counter; default: one more than the last. */
  readonly counter?: number;
  /** Instead of the challenge of the options. */
  readonly challenge?: string;
}

/** RegistrationResponseJSON or AuthenticationResponseJSON. */
export interface AuthenticatorAnswer {
  readonly id: string;
  readonly rawId: string;
  readonly type: 'public-key';
  readonly clientExtensionResults: Record<string, never>;
  readonly response: Record<string, unknown>;
}

const PRESENT = 0x01;
const VERIFIED = 0x04;
const HAS_CREDENTIAL = 0x40;

export function createAuthenticator(): Authenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const id = randomBytes(32);
  let counter = 0;
  let userHandle: string | null = null;

  function dataOf(
    { origin, rpId = new URL(origin).hostname, verified = true, counter: told }: AnswerAs,
    extra: Buffer,
  ) {
    counter = told ?? counter + 1;
    const flags = PRESENT | (verified ? VERIFIED : 0) | (extra.length > 0 ? HAS_CREDENTIAL : 0);
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    return Buffer.concat([createHash('sha256').update(rpId).digest(), Buffer.from([flags]), count, extra]);
  }

  const clientData = (type: string, options: Record<string, unknown>, { origin, challenge }: AnswerAs): Buffer =>
    Buffer.from(JSON.stringify({ type, challenge: challenge ?? options.challenge, origin, crossOrigin: false }));

  const answer = (response: Record<string, unknown>): AuthenticatorAnswer => ({
    id: id.toString('base64url'),
    rawId: id.toString('base64url'),
    type: 'public-key',
    clientExtensionResults: {},
    response,
  });

  return {
    create(options, as) {
      userHandle = (options.user as { id?: string } | undefined)?.id ?? null;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(id.length);
      const credential = Buffer.concat([Buffer.alloc(16), length, id, coseKey(publicKey)]);
      const authData = dataOf(as, credential);
      const attestation = Buffer.concat([
        Buffer.from([0xa3]),
        text('fmt'),
        text('none'),
        text('attStmt'),
        Buffer.from([0xa0]),
        text('authData'),
        bytes(authData),
      ]);
      return answer({
        clientDataJSON: clientData('webauthn.create', options, as).toString('base64url'),
        attestationObject: attestation.toString('base64url'),
        transports: ['internal'],
      });
    },

    get(options, as) {
      const client = clientData('webauthn.get', options, as);
      const authenticatorData = dataOf(as, Buffer.alloc(0));
      const signed = Buffer.concat([authenticatorData, createHash('sha256').update(client).digest()]);
      return answer({
        clientDataJSON: client.toString('base64url'),
        authenticatorData: authenticatorData.toString('base64url'),
        signature: createSign('sha256').update(signed).sign(privateKey).toString('base64url'),
        ...(userHandle === null ? {} : { userHandle }),
      });
    },
  };
}

/** COSE_Key of an ES256 key (RFC 9053): { 1: 2, 3: -7, -1: 1, -2: x, -3: y }. */
function coseKey(key: KeyObject): Buffer {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  return Buffer.concat([
    Buffer.from([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21]),
    bytes(Buffer.from(x, 'base64url')),
    Buffer.from([0x22]),
    bytes(Buffer.from(y, 'base64url')),
  ]);
}

/** CBOR (RFC 8949) of short text, and of bytes up to 64 KB. */
const text = (value: string): Buffer => Buffer.concat([Buffer.from([0x60 | value.length]), Buffer.from(value)]);
function bytes(value: Buffer): Buffer {
  if (value.length < 256) return Buffer.concat([Buffer.from([0x58, value.length]), value]);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(value.length);
  return Buffer.concat([Buffer.from([0x59]), length, value]);
}
