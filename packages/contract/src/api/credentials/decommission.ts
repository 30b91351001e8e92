import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from '../fields.ts';

/** The name of the command that tells a device to forget its token, its settings and its data. It has no arguments. */
export const FACTORY_RESET = 'factoryReset';

/**
 * none: it was not decommissioned. resetting: the device was told, and has some time to answer. settling: its keys are
 * wiped, and what it had sent before is on its way in. erasing: its data goes. done: nothing is left of it but this.
 */
export const DECOMMISSION_STATES = ['none', 'resetting', 'settling', 'erasing', 'done'] as const;
export type DecommissionState = (typeof DECOMMISSION_STATES)[number];

export const DecommissionRequest = Type.Object(
  {
    resetMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 60_000,
        description: 'How long a connected device has to say that it resets, ms; default 10,000',
      }),
    ),
  },
  { additionalProperties: false },
);
export type DecommissionRequest = Static<typeof DecommissionRequest>;

export const Decommission = Type.Object({
  deviceId: Id,
  siteId: Id,
  state: literals(DECOMMISSION_STATES),
  resetConfirmed: Type.Boolean({ description: 'The device said that it resets' }),
  erasedRows: Type.Integer({ minimum: 0, description: 'Rows of its data that are gone so far' }),
  createdAt: nullable(At),
  endedAt: nullable(At),
});
export type Decommission = Static<typeof Decommission>;
