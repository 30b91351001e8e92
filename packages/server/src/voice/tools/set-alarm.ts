import { Type } from 'typebox';
import { instantOf, parseWallTime } from '../reminders/wall-time.ts';
import { defineTool, toolFailed } from './define.ts';
import { Label, LocalTime, toReply } from './reminder-reply.ts';

export const tool = defineTool({
  name: 'set_alarm',
  description: 'Sets an alarm that rings once on this device at a date and time. Gives the alarm as JSON.',
  parameters: Type.Object({ localTime: LocalTime, label: Label }, { additionalProperties: false }),
  async run({ localTime, label }, context) {
    const { deviceId, timeZone, reminders } = context;
    const wall = parseWallTime(localTime);
    if (wall === null) throw toolFailed('The time must be like 2026-11-22T07:30.');
    const alarm = await reminders.add({
      deviceId,
      kind: 'alarm',
      dueAt: instantOf(wall, timeZone),
      label: label ?? null,
    });
    return JSON.stringify(toReply(alarm, context));
  },
});
