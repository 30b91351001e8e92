import { MusterError } from '@muster/contract';
import { Type } from 'typebox';
import { defineTool } from '../define-tool.ts';

export const tool = defineTool({
  name: 'self.reboot',
  description: 'Restarts the device.',
  input: Type.Object({}),
  userOnly: true,
  async run(_input, { reboot }) {
    if (reboot === null) {
      const say = 'This device may not restart its machine (allowReboot is false).';
      throw new MusterError('TOOL_FAILED', { name: 'self.reboot' }, { say });
    }
    await reboot();
    return 'true';
  },
});
