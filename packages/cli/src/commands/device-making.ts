import { readFile } from 'node:fs/promises';
import { type DeviceCreate, LIMITS, MusterError } from '@muster/contract';
import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { type CsvLine, readCsv } from '../csv.ts';
import { tableOf } from '../screen/terminal.ts';
import { findDevice, siteOrOnly } from '../server/find.ts';
import { readName, readTags, readText } from '../typed.ts';

const siteOption = {
  kind: 'text',
  value: 'SITE',
  summary: 'the site that owns it; needed when you have several',
} as const;
const COLUMNS = ['name', 'token', 'profile', 'tags'];

const create = defineCommand({
  name: 'devices create',
  summary: 'Make a device that shows no code, and the token that it signs in with; the token is shown this once',
  operands: { name: { required: true, summary: 'its name' } },
  options: {
    profile: { kind: 'text', value: 'PROFILE', summary: 'what kind of device it is: sensor, camera, robot, …' },
    tags: { kind: 'text', value: 'TAGS', summary: 'words to sort by, with commas: floor-2,kitchen' },
    'hardware-id': { kind: 'text', value: 'ID', summary: 'what it calls itself, such as its MAC address' },
    site: siteOption,
  },
  async run({ name }, { profile, tags, 'hardware-id': hardwareId, site }, { terminal, json, signedIn }) {
    const wanted = {
      name: readName(name),
      ...(profile === undefined ? {} : { profile }),
      ...(tags === undefined ? {} : { tags: readTags(tags) }),
      ...(hardwareId === undefined ? {} : { hardwareId: readText(hardwareId, 'The hardware id', 64) }),
    };
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const made = await api.createDevice({ ...wanted, siteId });
    if (json) return terminal.print(JSON.stringify(made));
    terminal.print(made.token);
    terminal.note(`${made.device.name} is made (${made.device.deviceId}). Above is its token; it is not shown again.`);
  },
});

const token = defineCommand({
  name: 'devices token',
  summary: 'Make another token for a device; the newest three work, so it can change over. It is shown this once',
  operands: { device: { required: true, summary: 'its name, id, hardware id or serial number' } },
  options: {},
  async run({ device }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { deviceId, name } = await findDevice(api, device);
    const made = await api.newDeviceToken(deviceId);
    if (json) return terminal.print(JSON.stringify({ deviceId, ...made }));
    terminal.print(made.token);
    terminal.note(`Above is a new token of ${name}; it is not shown again.`);
  },
});

const importTokens = defineCommand({
  name: 'devices import',
  summary: 'Make devices that have their tokens already, out of a CSV file: a fleet that moves here',
  operands: {
    file: {
      required: true,
      summary: `columns ${COLUMNS.slice(0, 2).join(' and ')}; ${COLUMNS.slice(2).join(' and ')} if you like`,
    },
  },
  options: { site: { ...siteOption, summary: 'the site that will own them; needed when you have several' } },
  async run({ file }, { site }, { terminal, json, signedIn }) {
    const wanted = readDevices(await readFile(file, 'utf8'));
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const made: { readonly name: string; readonly deviceId: string }[] = [];
    for (let at = 0; at < wanted.length; at += LIMITS.devicesPerBatch) {
      const part = wanted.slice(at, at + LIMITS.devicesPerBatch);
      try {
        const { devices } = await api.createDevices({ siteId, devices: part });
        made.push(...devices.map(({ device: { name, deviceId } }) => ({ name, deviceId })));
      } catch (error) {
        if (!(error instanceof MusterError) || wanted.length <= LIMITS.devicesPerBatch) throw error;
        const say = `${error.message} ${made.length} devices were made before; take their lines out of the file.`;
        throw new MusterError(error.code, { made: made.length }, { cause: error, say });
      }
    }
    if (json) return terminal.print(JSON.stringify(made));
    terminal.print(
      tableOf(
        ['NAME', 'ID'],
        made.map(({ name, deviceId }) => [name, deviceId]),
        'No devices in it.',
      ),
    );
    terminal.note(
      `${made.length} ${made.length === 1 ? 'device is' : 'devices are'} made, with the tokens of the file.`,
    );
  },
});

export const deviceMakingCommands = [create, token, importTokens];

/** What the file asks for. Throws USAGE with the line; never with the token in it. */
function readDevices(text: string): Omit<DeviceCreate, 'siteId'>[] {
  const lines = readCsv(text);
  const strange = Object.keys(lines[0]?.cells ?? {}).filter((name) => !COLUMNS.includes(name));
  if (strange.length > 0) throw usage(`There is no column "${strange[0] ?? ''}"; there are ${COLUMNS.join(', ')}.`);
  const seen = new Map<string, number>();
  return lines.map((line) => readDevice(line, seen));
}

function readDevice({ line, cells }: CsvLine, seen: Map<string, number>): Omit<DeviceCreate, 'siteId'> {
  const { name = '', token: secret = '', profile = '', tags = '' } = cells;
  if (secret.trim().length < 20) throw usage(`The token in line ${line} has fewer than 20 characters.`);
  const before = seen.get(secret.trim());
  if (before !== undefined) throw usage(`The tokens in lines ${before} and ${line} are the same.`);
  seen.set(secret.trim(), line);
  return {
    name: readName(name, `The name in line ${line}`),
    token: secret.trim(),
    ...(profile.trim() === '' ? {} : { profile: profile.trim() }),
    ...(tags.trim() === '' ? {} : { tags: readTags(tags) }),
  };
}
