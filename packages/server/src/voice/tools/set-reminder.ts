import { Type } from 'typebox';
import { instantOf, parseWallTime } from '../reminders/wall-time.ts';
import { defineTool, toolFailed } from './define.ts';
import { LocalTime, toReply } from './reminder-reply.ts';

export const tool = defineTool({
  name: 'set_reminder',
  description:
    'Reminds the person of something on this device, either at localTime or after some seconds: give one of the two. ' +
    'Gives the reminder as JSON.',
  parameters: Type.Object(
    {
      label: Type.String({ minLength: 1, maxLength: 200, description: 'What to be reminded of, such as: call mom' }),
      localTime: Type.Optional(LocalTime),
      seconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 31_622_400, description: 'From now' })),
    },
    { additionalProperties: false },
  ),
  async run({ label, localTime, seconds }, context) {
    const { deviceId, now, timeZone, reminders } = context;
    const wall = localTime === undefined ? null : parseWallTime(localTime);
    if ((wall === null) === (seconds === undefined)) {
      throw toolFailed('Give either localTime, like 2026-11-22T07:30, or seconds.');
    }
    const dueAt = wall === null ? now + (seconds ?? 0) * 1_000 : instantOf(wall, timeZone);
    const reminder = await reminders.add({ deviceId, kind: 'reminder', dueAt, label });
    return JSON.stringify(toReply(reminder, context));
  },
});
