import { readFile } from 'node:fs/promises';
import type { Device } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { tableOf } from '../screen/terminal.ts';
import { allDevices, findAssistant, findDevice, findSite } from '../server/find.ts';
import { readHexKey, readName, readText } from '../typed.ts';

const LIST_LIMIT = 200;
const deviceOperand = { required: true, summary: 'its name, id, hardware id or serial number' } as const;

const list = defineCommand({
  name: 'devices list',
  summary: 'List your devices',
  operands: {},
  options: {
    site: { kind: 'text', value: 'SITE', summary: 'only those of one site (name or id)' },
    limit: { kind: 'number', value: 'N', min: 1, summary: `at most so many (default ${LIST_LIMIT})` },
  },
  async run(_operands, { site, limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const devices = await allDevices(api, siteId, limit ?? LIST_LIMIT);
    if (json) return terminal.print(JSON.stringify(devices));
    const rows = devices.map((device) => [
      device.name,
      device.state === 'revoked' ? 'revoked' : device.connected ? 'connected' : 'away',
      device.model ?? '',
      device.firmwareVersion ?? '',
      device.proof === 'hmac' ? 'proven' : 'not proven',
      seen(device),
      device.hardwareId,
      device.deviceId,
    ]);
    const head = ['NAME', 'STATE', 'MODEL', 'FIRMWARE', 'IDENTITY', 'LAST SEEN', 'HARDWARE', 'ID'];
    terminal.print(tableOf(head, rows, 'No devices yet. Switch one on and run `muster activate CODE`.'));
  },
});

const show = defineCommand({
  name: 'devices show',
  summary: 'Show everything about a device',
  operands: { device: deviceOperand },
  options: {},
  async run({ device }, _options, context) {
    const found = await findDevice(await context.signedIn(), device);
    if (context.json) return context.terminal.print(JSON.stringify(found));
    const rows = Object.entries(found).map(([name, value]) => [
      name,
      name.endsWith('At') ? instant(value) : text(value),
    ]);
    context.terminal.print(tableOf(['FIELD', 'VALUE'], rows, ''));
  },
});

const rename = defineCommand({
  name: 'devices rename',
  summary: 'Give a device another name',
  operands: { device: deviceOperand, name: { required: true, summary: 'the new name' } },
  options: {},
  async run({ device, name: typed }, _options, context) {
    const name = readName(typed);
    const api = await context.signedIn();
    const { deviceId } = await findDevice(api, device);
    say(context, await api.changeDevice(deviceId, { name }), `is called ${name} now`);
  },
});

const point = defineCommand({
  name: 'devices point',
  summary: 'Choose the assistant that answers on a device',
  operands: { device: deviceOperand },
  options: { assistant: { kind: 'text', value: 'NAME', summary: 'an assistant of the same site (name or id)' } },
  async run({ device }, { assistant }, context) {
    if (assistant === undefined) throw usage('Name the assistant with --assistant.');
    const api = await context.signedIn();
    const { deviceId, siteId } = await findDevice(api, device);
    const { assistantId, name } = await findAssistant(api, assistant, siteId);
    say(context, await api.changeDevice(deviceId, { assistantId }), `is served by ${name} now`);
  },
});

const revoke = defineCommand({
  name: 'devices revoke',
  summary: 'Take the token of a device away and close its connection; it must be activated again',
  operands: { device: deviceOperand },
  options: {},
  async run({ device }, _options, context) {
    const api = await context.signedIn();
    const found = await findDevice(api, device);
    await api.revokeDevice(found.deviceId);
    say(context, { ...found, state: 'revoked', connected: false }, 'is revoked');
  },
});

const registerKey = defineCommand({
  name: 'devices register-key',
  summary: 'Register the key burnt into a device before it is switched on for the first time',
  operands: { serial: { required: true, summary: 'its serial number' } },
  options: {
    'key-file': { kind: 'text', value: 'FILE', summary: 'read the hex digits from a file; asked for without it' },
    site: { kind: 'text', value: 'SITE', summary: 'the site that will own it (name or id)' },
  },
  async run({ serial: typed }, options, context) {
    const serial = readText(typed, 'The serial number', 64);
    if (serial === '') throw usage('The serial number is empty.');
    const api = await context.signedIn();
    const { terminal } = context;
    const hmacKey = readHexKey(
      options['key-file'] === undefined
        ? await terminal.ask('Key (hex digits)', { hidden: true, instead: '--key-file' })
        : await readFile(options['key-file'], 'utf8'),
    );
    const siteId = options.site === undefined ? undefined : (await findSite(api, options.site)).siteId;
    await api.registerKey({ serialNumber: serial, hmacKey, ...(siteId === undefined ? {} : { siteId }) });
    if (context.json) terminal.print(JSON.stringify({ serialNumber: serial }));
    else terminal.note(`The key of ${serial} is registered.`);
  },
});

export const deviceCommands = [list, show, rename, point, revoke, registerKey];

function say({ terminal, json }: Context, device: Device, what: string): void {
  if (json) terminal.print(JSON.stringify(device));
  else terminal.note(`${device.name} ${what}.`);
}

function seen({ lastSeenAt }: Device): string {
  return lastSeenAt === null ? 'never' : instant(lastSeenAt);
}

function instant(value: unknown): string {
  return typeof value === 'number' ? new Date(value).toLocaleString() : 'never';
}

function text(value: unknown): string {
  return value === null ? '—' : String(value);
}
