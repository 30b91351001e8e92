import { styleText } from 'node:util';
import { defineCommand } from '../command.ts';
import { LEGEND, turnLines } from '../screen/time-line.ts';
import { findDevice, findSite } from '../server/find.ts';

const LIMIT = 20;

const turns = defineCommand({
  name: 'turns',
  summary: 'Show the last conversations of a device: where the time went, and how each ended',
  operands: { device: { required: true, summary: 'its name, id, hardware id or serial number' } },
  options: { limit: { kind: 'number', value: 'N', min: 1, max: 500, summary: `at most so many (default ${LIMIT})` } },
  async run({ device }, { limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId, siteId } = await findDevice(api, device);
    const found = await api.turns(deviceId, { limit: limit ?? LIMIT });
    if (json) return terminal.print(JSON.stringify(found.turns));
    if (found.turns.length === 0) return terminal.print('No turns yet.');
    terminal.print(`${LEGEND}    newest first; from the last voiced frame to the first sound of the answer`);
    for (const line of turnLines(found.turns)) terminal.print(line);
    if (found.turns.some(({ heard, said }) => heard !== null || said !== null)) return;
    const { name, keepWords } = await findSite(api, siteId);
    const cure = `muster sites set ${/^[\w.-]+$/.test(name) ? name : JSON.stringify(name)} --keep-words yes`;
    if (!keepWords) terminal.print(styleText('dim', `words are not kept here: ${cure}`));
  },
});

export const turnCommands = [turns];
