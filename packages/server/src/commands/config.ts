import type { CommandClass } from '@muster/contract';
import { type Static, Type } from 'typebox';

/** The commands' piece of the configuration. */
export const commandsConfig = Type.Object({
  inflightPerDevice: Type.Integer({
    default: 8,
    minimum: 1,
    maximum: 64,
    description: 'Commands that one device may have in hand at a time; the next wait',
  }),
  keepDays: Type.Integer({
    default: 90,
    minimum: 1,
    maximum: 3_650,
    description: 'How long ended commands are kept, days',
  }),
});
export type CommandsConfig = Static<typeof commandsConfig>;

/** How each class is treated: the time until the deadline, and how often at most it is sent. */
export const CLASSES: Readonly<Record<CommandClass, { readonly deadlineMs: number; readonly sends: number }>> = {
  read: { deadlineMs: 10_000, sends: 3 },
  set: { deadlineMs: 10_000, sends: 2 },
  act: { deadlineMs: 10_000, sends: 1 },
  slow: { deadlineMs: 45_000, sends: 1 },
};
/** A command that may be sent again is sent again when no ack came for this long, ms. */
export const RESEND_MS = 3_000;
/** How long a sender's key stands for its request, ms. */
export const IDEMPOTENCY_MS = 86_400_000;
