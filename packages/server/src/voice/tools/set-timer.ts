import { Type } from 'typebox';
import { defineTool } from './define.ts';
import { Label, toReply } from './reminder-json.ts';

export const tool = defineTool({
  name: 'set_timer',
  description: 'Starts a timer that rings on this device after some seconds. Gives the timer as JSON.',
  parameters: Type.Object(
    { seconds: Type.Integer({ minimum: 1, maximum: 604_800, description: 'From now; at most a week' }), label: Label },
    { additionalProperties: false },
  ),
  async run({ seconds, label }, context) {
    const { deviceId, now, reminders } = context;
    const timer = await reminders.add({ deviceId, kind: 'timer', dueAt: now + seconds * 1_000, label: label ?? null });
    return JSON.stringify(toReply(timer, context));
  },
});
