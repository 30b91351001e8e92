import { type Static, Type } from 'typebox';
import { At, Id, literals, nullable } from './fields.ts';

/**
 * queued: stored, waits for the device. sent: written to its connection. acked: the device says it has it. The others
 * are final: confirmed (the device says it did it), rejected (it will not), failed (it tried), expired (never sent
 * before the deadline), cancelled, unknown (sent, and no word about the end before the deadline).
 */
export const COMMAND_STATES = [
  'queued',
  'sent',
  'acked',
  'confirmed',
  'rejected',
  'failed',
  'expired',
  'cancelled',
  'unknown',
] as const;
export type CommandState = (typeof COMMAND_STATES)[number];

/** Those that have no way out. */
export const FINAL_COMMAND_STATES: ReadonlySet<CommandState> = new Set([
  'confirmed',
  'rejected',
  'failed',
  'expired',
  'cancelled',
  'unknown',
]);

/**
 * What may happen to a command whose fate is not known. read: changes nothing, sent again at will. set: puts a value,
 * sent again once. act: does something, never sent twice. slow: as act, with a long deadline.
 */
export const COMMAND_CLASSES = ['read', 'set', 'act', 'slow'] as const;
export type CommandClass = (typeof COMMAND_CLASSES)[number];

export const Command = Type.Object({
  commandId: Id,
  deviceId: Id,
  siteId: Id,
  name: Type.String(),
  args: Type.Unknown(),
  commandClass: literals(COMMAND_CLASSES),
  state: literals(COMMAND_STATES),
  progress: nullable(Type.Number({ minimum: 0, maximum: 1 })),
  result: Type.Unknown({ description: 'What the device answered; null until it is confirmed' }),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
  attempts: Type.Integer({ minimum: 0 }),
  /** Who sent it: a user, an API key, a rule, the assistant of the device. */
  sentBy: Type.String(),
  /** The run that made it; null: it was sent by itself. */
  runId: nullable(Id),
  createdAt: At,
  deadlineAt: At,
  sentAt: nullable(At),
  ackedAt: nullable(At),
  endedAt: nullable(At),
});
export type Command = Static<typeof Command>;
export const CommandList = Type.Object({ commands: Type.Array(Command), next: nullable(Type.String()) });
export type CommandList = Static<typeof CommandList>;

/** Longest deadline, ms: a day, for devices that are seldom there. */
export const LONGEST_DEADLINE_MS = 86_400_000;

export const CommandRequest = Type.Object(
  {
    name: Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.:/-]{0,127}$',
      description: 'What to do, as the profile names it',
    }),
    args: Type.Optional(
      Type.Unsafe<{ readonly [key: string]: unknown }>(Type.Object({}, { additionalProperties: true })),
    ),
    /** Default: the profile's; `act` for what no profile knows. */
    commandClass: Type.Optional(literals(COMMAND_CLASSES)),
    /** Default: that of the class. */
    deadlineMs: Type.Optional(Type.Integer({ minimum: 100, maximum: LONGEST_DEADLINE_MS })),
  },
  { additionalProperties: false },
);
export type CommandRequest = Static<typeof CommandRequest>;

/** Most devices of one run. */
export const MOST_RUN_DEVICES = 50_000;

export const CommandRunRequest = Type.Object(
  {
    ...CommandRequest.properties,
    atOnce: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000,
        default: 10,
        description: 'Commands that may be unfinished at a time',
      }),
    ),
    stopAfterFailures: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MOST_RUN_DEVICES, description: 'Send no more when so many failed' }),
    ),
  },
  { additionalProperties: false },
);
export type CommandRunRequest = Static<typeof CommandRunRequest>;

/**
 * running: devices wait for their turn, or commands for their end. The others are final, and nothing more is sent:
 * done, cancelled by a person, stopped because too many failed. What was sent before goes on to its own end.
 */
export const COMMAND_RUN_STATES = ['running', 'done', 'cancelled', 'stopped'] as const;
export type CommandRunState = (typeof COMMAND_RUN_STATES)[number];

/** One command to many devices. `devices` = `waiting` + `refused` + the sum of `counts`. */
export const CommandRun = Type.Object({
  runId: Id,
  siteId: Id,
  groupId: nullable(Id),
  name: Type.String(),
  args: Type.Unknown(),
  state: literals(COMMAND_RUN_STATES),
  atOnce: Type.Integer(),
  stopAfterFailures: nullable(Type.Integer()),
  devices: Type.Integer({ description: 'Devices in all' }),
  waiting: Type.Integer({ description: 'Devices whose turn has not come; when the run was ended it never comes' }),
  refused: Type.Integer({ description: 'Devices for which no command could be made' }),
  failed: Type.Integer({ description: 'Refused, and commands that were rejected, failed, expired or are unknown' }),
  counts: Type.Record(Type.String(), Type.Integer(), { description: 'Commands by state' }),
  sentBy: Type.String(),
  createdAt: At,
  endedAt: nullable(At),
});
export type CommandRun = Static<typeof CommandRun>;
export const CommandRunList = Type.Object({ runs: Type.Array(CommandRun), next: nullable(Type.String()) });
export type CommandRunList = Static<typeof CommandRunList>;

/** How it went on one device of a run. */
export const CommandRunDevice = Type.Object({
  deviceId: Id,
  name: Type.String({ description: 'Name of the device' }),
  /** Null: its turn has not come, or no command could be made. */
  commandId: nullable(Id),
  /** Null where there is no command. */
  state: nullable(literals(COMMAND_STATES)),
  error: nullable(Type.Object({ code: Type.String(), message: Type.String() })),
});
export type CommandRunDevice = Static<typeof CommandRunDevice>;
export const CommandRunDeviceList = Type.Object({
  devices: Type.Array(CommandRunDevice),
  next: nullable(Type.String()),
});
export type CommandRunDeviceList = Static<typeof CommandRunDeviceList>;
