import { Type } from 'typebox';
import { defineTool } from './define.ts';
import { Label, LocalTime, ReminderReply, toReply } from './reminder-json.ts';

export const tool = defineTool({
  name: 'cancel_reminders',
  description:
    'Cancels timers, alarms and reminders of this device: those that fit everything given (kind, label, localTime), and ' +
    'all of them when nothing is given. Gives those that were cancelled as JSON.',
  parameters: Type.Object(
    { kind: Type.Optional(ReminderReply.properties.kind), label: Label, localTime: Type.Optional(LocalTime) },
    { additionalProperties: false },
  ),
  async run({ kind, label, localTime }, context) {
    const { deviceId, reminders } = context;
    const wanted = (await reminders.list(deviceId)).filter(
      (reminder) =>
        (kind === undefined || reminder.kind === kind) &&
        (label === undefined || reminder.label?.toLowerCase().includes(label.toLowerCase()) === true) &&
        (localTime === undefined || toReply(reminder, context).localTime === localTime.replace(' ', 'T').slice(0, 16)),
    );
    const cancelled = new Set(
      await reminders.cancel(
        deviceId,
        wanted.map(({ reminderId }) => reminderId),
      ),
    );
    const gone = wanted.filter(({ reminderId }) => cancelled.has(reminderId));
    return JSON.stringify(gone.map((reminder) => toReply(reminder, context)));
  },
});
