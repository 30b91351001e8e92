import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from '../fields.ts';

/** From when a new token was made to the end of those before it, ms: when the device never used the new one. */
export const ROTATION_GRACE = { least: 60_000, most: 90 * 86_400_000 } as const;

/**
 * The name of the command that gives a device its new token. Its `args` are `{ token, graceEndsAt }`; it comes at each
 * connect until the token was used once. A device stores the token so that it survives a loss of power, answers, and
 * connects anew with it.
 */
export const REPLACE_TOKEN = 'replaceToken';

/**
 * waiting: the device was not told yet. told: it was, and has not used the new token. confirmed: it has, and the old ones
 * ended. graceEnded: it never did, and the old ones ended. refused: the device said no; the old ones go on working.
 */
export const ROTATION_STATES = ['waiting', 'told', 'confirmed', 'graceEnded', 'refused', 'cancelled'] as const;
export type RotationState = (typeof ROTATION_STATES)[number];

export const TokenRotation = Type.Object({
  rotationId: Id,
  deviceId: Id,
  state: literals(ROTATION_STATES),
  toldBy: literals(['device', 'person'], 'Who is given the new token: the device itself, or the person who asked'),
  jobId: nullable(Id),
  fault: nullable(Type.String({ description: 'Why the device refused it' })),
  createdAt: At,
  toldAt: nullable(At),
  graceEndsAt: At,
  endedAt: nullable(At),
});
export type TokenRotation = Static<typeof TokenRotation>;

export const RotateRequest = Type.Object(
  {
    graceMs: Type.Optional(
      Type.Integer({
        minimum: ROTATION_GRACE.least,
        maximum: ROTATION_GRACE.most,
        description: 'How long the old tokens work when the new one is never used, ms; default: the configuration',
      }),
    ),
    deliver: Type.Optional(
      literals(
        ['device', 'person'],
        'person: the answer holds the token, this once; only while no connection can take it',
      ),
    ),
  },
  { additionalProperties: false },
);
export type RotateRequest = Static<typeof RotateRequest>;
export const RotateReply = Type.Object({
  rotation: TokenRotation,
  token: nullable(Type.String({ description: 'Only for `deliver: person`. Shown this once; only its hash is stored' })),
});
export type RotateReply = Static<typeof RotateReply>;

/** One thing that a device shows to say who it is. Never the secret itself. */
export const DeviceCredential = Type.Object({
  kind: literals(['token', 'certificate', 'hmacKey']),
  state: literals(
    ['active', 'new', 'ending', 'revoked', 'ended'],
    'new: made and not used yet. ending: another takes its place',
  ),
  fingerprint: nullable(
    Type.String({
      description: 'Tells them apart: SHA-256 of a certificate, the first 8 bytes of that of a token; hex',
    }),
  ),
  madeAt: nullable(At),
  lastUsedAt: nullable(At),
  endsAt: nullable(At),
});
export type DeviceCredential = Static<typeof DeviceCredential>;

export const DeviceCredentials = Type.Object({
  deviceId: Id,
  credentials: Type.Array(DeviceCredential),
  /** The last change of its token. */
  rotation: nullable(TokenRotation),
  quarantine: nullable(
    Type.Object(
      { at: At, reason: Type.String() },
      { description: 'Since when and why nobody gets in with its tokens: two devices seemed to use them' },
    ),
  ),
});
export type DeviceCredentials = Static<typeof DeviceCredentials>;
