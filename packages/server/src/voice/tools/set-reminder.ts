import { Type } from 'typebox';
import { defineTool } from './define.ts';
import { dueAtOf, toReply, When } from './reminder-json.ts';

export const tool = defineTool({
  name: 'set_reminder',
  description:
    'Reminds the person of something on this device, either at localTime or after some seconds. Gives the reminder as JSON.',
  parameters: Type.Object(
    {
      label: Type.String({ minLength: 1, maxLength: 200, description: 'What to be reminded of, such as: call mom' }),
      ...When,
    },
    { additionalProperties: false },
  ),
  async run(args, context) {
    const { deviceId, reminders } = context;
    const reminder = { deviceId, kind: 'reminder', dueAt: dueAtOf(args, context), label: args.label } as const;
    return JSON.stringify(toReply(await reminders.add(reminder), context));
  },
});
