import { Type } from 'typebox';
import { defineTool } from './define.ts';
import { ReminderReply, toReply } from './reminder-json.ts';

export const tool = defineTool({
  name: 'list_reminders',
  description: 'Lists the timers, alarms and reminders that wait on this device, the next one first, as JSON.',
  parameters: Type.Object({ kind: Type.Optional(ReminderReply.properties.kind) }, { additionalProperties: false }),
  async run({ kind }, context) {
    const waiting = await context.reminders.list(context.deviceId);
    const wanted = waiting.filter((reminder) => kind === undefined || reminder.kind === kind);
    return JSON.stringify(wanted.map((reminder) => toReply(reminder, context)));
  },
});
