import { type Static, Type } from 'typebox';
import type { Reminder } from '../reminders/index.ts';
import { formatWallTime, instantOf, parseWallTime } from '../reminders/wall-time.ts';
import { type ToolContext, toolFailed } from './define.ts';

/** How the tools tell of a reminder, as JSON. */
export const ReminderReply = Type.Object({
  kind: Type.Union([Type.Literal('timer'), Type.Literal('alarm'), Type.Literal('reminder')]),
  label: Type.Union([Type.String(), Type.Null()]),
  localTime: Type.String({ description: 'When it rings, in the time zone of the device, such as 2026-11-22T07:30' }),
  inSeconds: Type.Integer({ description: 'Seconds from now; negative when it is overdue' }),
});
export type ReminderReply = Static<typeof ReminderReply>;
export const ReminderReplies = Type.Array(ReminderReply);

export const Label = Type.Optional(
  Type.String({ minLength: 1, maxLength: 200, description: 'What it is for, in a few words, spoken when it rings' }),
);
export const LocalTime = Type.String({
  maxLength: 30,
  description: 'Date and time in the time zone of the device: YYYY-MM-DDTHH:MM',
});

export function toReply(reminder: Reminder, { timeZone, now }: ToolContext): ReminderReply {
  return {
    kind: reminder.kind,
    label: reminder.label,
    localTime: formatWallTime(reminder.dueAt, timeZone),
    inSeconds: Math.round((reminder.dueAt - now) / 1_000),
  };
}

/** Parameters of which one must be given. */
export const When = {
  localTime: Type.Optional(LocalTime),
  seconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 31_622_400, description: 'From now, instead of localTime' }),
  ),
};

/** The instant that the arguments mean, epoch ms. Throws TOOL_FAILED when not exactly one is given and readable. */
export function dueAtOf(
  { localTime, seconds }: { readonly localTime?: string; readonly seconds?: number },
  { now, timeZone }: ToolContext,
): number {
  const wall = localTime === undefined ? null : parseWallTime(localTime);
  if ((wall === null) === (seconds === undefined)) {
    throw toolFailed('Give either localTime, like 2026-11-22T07:30, or seconds.');
  }
  return wall === null ? now + (seconds ?? 0) * 1_000 : instantOf(wall, timeZone);
}
