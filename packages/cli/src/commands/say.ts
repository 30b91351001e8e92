import { defineCommand } from '../command.ts';
import { findDevice } from '../server/find.ts';
import { readText } from '../typed.ts';

const OUTCOMES = {
  played: 'It was played to the end.',
  fetched: 'The device took the sound to its end; it plays it while it comes.',
  shown:
    'The device did not ask for the sound, so the words were sent for its screen. Whether they were seen is not known.',
} as const;

const say = defineCommand({
  name: 'say',
  summary: 'Say words on a device',
  operands: {
    device: { required: true, summary: 'its name, id, hardware id or serial number' },
    text: { required: true, summary: 'what it shall say' },
  },
  options: {},
  async run({ device, text }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId } = await findDevice(api, device);
    const { outcome } = await api.say(deviceId, readText('The text', text, 1_000));
    terminal.print(json ? JSON.stringify({ deviceId, outcome }) : OUTCOMES[outcome]);
  },
});

export const sayCommands = [say];
