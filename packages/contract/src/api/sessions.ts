import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from './fields.ts';
import { PasskeyAnswer } from './second-factor.ts';

const Token = Type.String({ minLength: 1, maxLength: 200 });

/** A way to prove who one is. */
export const PROOFS = ['password', 'totp', 'passkey', 'recoveryCode'] as const;
export type ProofKind = (typeof PROOFS)[number];

export const Proof = Type.Union([
  Type.Object({ kind: Type.Literal('password'), password: Type.String({ maxLength: 1_000 }) }),
  Type.Object({ kind: Type.Literal('totp'), code: Type.String({ pattern: '^\\d{6}$' }) }),
  Type.Object({ kind: Type.Literal('passkey'), response: PasskeyAnswer }),
  Type.Object({ kind: Type.Literal('recoveryCode'), code: Type.String({ maxLength: 50 }) }),
]);
export type Proof = Static<typeof Proof>;

/** The password was right, and more is asked for: one of these ways, within five minutes. */
export const SignInPending = Type.Object({
  pending: Token,
  ways: Type.Array(literals(PROOFS)),
  /** For `parseRequestOptionsFromJSON()`, when a passkey is one of the ways. */
  passkeyOptions: nullable(Type.Record(Type.String(), Type.Unknown())),
  expiresAt: At,
});
export type SignInPending = Static<typeof SignInPending>;

export const SignInFinish = Type.Object({ pending: Token, proof: Proof }, { additionalProperties: false });
export type SignInFinish = Static<typeof SignInFinish>;
export const PasskeySignIn = Type.Object({ response: PasskeyAnswer }, { additionalProperties: false });
export type PasskeySignIn = Static<typeof PasskeySignIn>;

export const SessionInfo = Type.Object({
  sessionId: Id,
  current: Type.Boolean({ description: 'The one that asks' }),
  createdAt: At,
  lastUsedAt: At,
  expiresAt: At,
  address: nullable(Type.String()),
  /** `Firefox on Linux`. */
  client: Type.String({ description: 'What it was begun with, as far as it says so' }),
});
export type SessionInfo = Static<typeof SessionInfo>;
export const SessionList = Type.Object({ sessions: Type.Array(SessionInfo) });
export type SessionList = Static<typeof SessionList>;
export const SessionsEnded = Type.Object({ ended: Type.Integer() });
export type SessionsEnded = Static<typeof SessionsEnded>;

export const ProofRequest = Type.Object({ proof: Proof }, { additionalProperties: false });
export type ProofRequest = Static<typeof ProofRequest>;
/** How the caller can prove again who they are, and until when the last proof holds. */
export const ProofState = Type.Object({
  ways: Type.Array(literals(PROOFS)),
  passkeyOptions: nullable(Type.Record(Type.String(), Type.Unknown())),
  provedUntil: At,
});
export type ProofState = Static<typeof ProofState>;
