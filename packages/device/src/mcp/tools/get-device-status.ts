import { Type } from 'typebox';
import { defineTool } from '../define-tool.ts';

export const tool = defineTool({
  name: 'self.get_device_status',
  description:
    'The state of the device now: volume of the speaker (0 to 100, null when it has none) and network. Ask it before a relative change, such as "louder".',
  input: Type.Object({}),
  async run(_input, { audio, network }) {
    const volume = await audio.volume().catch(() => null);
    return JSON.stringify({ audio_speaker: { volume }, network: network() });
  },
});
