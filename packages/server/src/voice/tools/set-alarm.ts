import { Type } from 'typebox';
import { defineTool } from './define.ts';
import { dueAtOf, Label, toReply, When } from './reminder-json.ts';

export const tool = defineTool({
  name: 'set_alarm',
  description:
    'Sets an alarm that rings once on this device, either at localTime or after some seconds. Gives the alarm as JSON.',
  parameters: Type.Object({ ...When, label: Label }, { additionalProperties: false }),
  async run(args, context) {
    const { deviceId, reminders } = context;
    const alarm = { deviceId, kind: 'alarm', dueAt: dueAtOf(args, context), label: args.label ?? null } as const;
    return JSON.stringify(toReply(await reminders.add(alarm), context));
  },
});
