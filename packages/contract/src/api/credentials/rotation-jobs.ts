import { type Static, Type } from 'typebox';
import { Tag } from '../devices.ts';
import { At, Id, literals, nullable } from '../fields.ts';
import { ROTATION_GRACE } from './device-credentials.ts';

/** Devices of one job. */
export const MOST_JOB_DEVICES = 50_000;

/** A new token for every active device of a site, or for those of a group or with a tag: as they are when it begins. */
export const RotationJobCreate = Type.Object(
  {
    siteId: Type.Optional(Id),
    groupId: Type.Optional(Id),
    tag: Type.Optional(Tag),
    atOnce: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        description: 'Devices that were told and have not used their new token yet, at most; default 10',
      }),
    ),
    graceMs: Type.Optional(
      Type.Integer({
        minimum: ROTATION_GRACE.least,
        maximum: ROTATION_GRACE.most,
        description:
          'How long the old token of each works when it never uses the new one, ms; default: the configuration',
      }),
    ),
    giveUpMs: Type.Optional(
      Type.Integer({
        minimum: 60_000,
        maximum: ROTATION_GRACE.most,
        description: 'How long it waits for devices that are away, ms; default 7 days. They keep the token they have',
      }),
    ),
  },
  { additionalProperties: false },
);
export type RotationJobCreate = Static<typeof RotationJobCreate>;

export const ROTATION_JOB_STATES = ['running', 'done', 'cancelled'] as const;
/**
 * waiting: its turn has not come. notReachable: it is away. begun: a new token was made, and it has yet to be told. failed:
 * refused by the device, never used, taken back, or none could be made.
 */
export const ROTATION_PLACES = ['waiting', 'notReachable', 'begun', 'told', 'confirmed', 'failed'] as const;
export type RotationPlace = (typeof ROTATION_PLACES)[number];

const counted = Type.Integer({ minimum: 0 });
export const RotationJob = Type.Object({
  jobId: Id,
  siteId: Id,
  groupId: nullable(Id),
  tag: nullable(Type.String()),
  state: literals(ROTATION_JOB_STATES),
  atOnce: Type.Integer({ minimum: 1 }),
  devices: counted,
  counts: Type.Object({
    waiting: counted,
    notReachable: counted,
    begun: counted,
    told: counted,
    confirmed: counted,
    failed: counted,
  }),
  startedBy: Type.String(),
  createdAt: At,
  givesUpAt: At,
  endedAt: nullable(At),
});
export type RotationJob = Static<typeof RotationJob>;
export const RotationJobList = Type.Object({ jobs: Type.Array(RotationJob), next: nullable(Type.String()) });
export type RotationJobList = Static<typeof RotationJobList>;

export const RotationJobDevice = Type.Object({
  deviceId: Id,
  name: Type.String(),
  place: literals(ROTATION_PLACES),
  fault: nullable(Type.String({ description: 'Why it failed' })),
});
export type RotationJobDevice = Static<typeof RotationJobDevice>;
export const RotationJobDeviceList = Type.Object({
  devices: Type.Array(RotationJobDevice),
  next: nullable(Type.String()),
});
export type RotationJobDeviceList = Static<typeof RotationJobDeviceList>;
