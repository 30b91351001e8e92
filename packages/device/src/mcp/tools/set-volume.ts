import { Type } from 'typebox';
import { defineTool } from '../define-tool.ts';

export const tool = defineTool({
  name: 'self.audio_speaker.set_volume',
  description:
    'Sets the volume of the speaker. For a relative change ask self.get_device_status first and add to its value.',
  input: Type.Object({ volume: Type.Integer({ minimum: 0, maximum: 100 }) }),
  async run({ volume }, { audio }) {
    await audio.setVolume(volume);
    return 'true';
  },
});
