import { readFile } from 'node:fs/promises';
import type { Device } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { instantText } from '../instant.ts';
import { tableOf } from '../screen/terminal.ts';
import { allDevices, findAssistant, findDevice, findSite } from '../server/find.ts';
import { readHexKey, readName, readTags, readText } from '../typed.ts';
import { credentialCommands } from './fleet/credentials.ts';

const LIST_LIMIT = 200;
const deviceOperand = { required: true, summary: 'its name, id, hardware id or serial number' } as const;

const list = defineCommand({
  name: 'devices list',
  summary: 'List your devices',
  operands: {},
  options: {
    site: { kind: 'text', value: 'SITE', summary: 'only those of one site (name or id)' },
    tag: { kind: 'text', value: 'TAG', summary: 'only those with this tag' },
    profile: { kind: 'text', value: 'PROFILE', summary: 'only those of this profile' },
    revoked: { kind: 'flag', summary: 'those that were removed, instead' },
    limit: { kind: 'number', value: 'N', min: 1, summary: `at most so many (default ${LIST_LIMIT})` },
  },
  async run(_operands, { site, tag, profile, revoked, limit = LIST_LIMIT }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await findSite(api, site)).siteId;
    const state = revoked === true ? 'revoked' : 'active';
    // one more than is shown tells whether there are more
    const found = await allDevices(api, { siteId, tag, profile, state }, limit + 1);
    const devices = found.slice(0, limit);
    if (found.length > limit) terminal.note(`There are more than these ${limit}: --limit N`);
    if (json) return terminal.print(JSON.stringify(devices));
    const rows = devices.map((device) => [
      device.name,
      device.state === 'revoked' ? 'revoked' : device.connected ? 'connected' : 'away',
      device.profile ?? device.model ?? '',
      device.tags.join(','),
      device.firmwareVersion ?? '',
      device.proof === 'hmac' ? 'proven' : 'not proven',
      seen(device),
      // a device that was made and not switched on has no other
      device.hardwareId === device.deviceId ? '' : device.hardwareId,
      device.deviceId,
    ]);
    const head = ['NAME', 'STATE', 'KIND', 'TAGS', 'FIRMWARE', 'IDENTITY', 'LAST SEEN', 'HARDWARE', 'ID'];
    terminal.print(
      tableOf(
        head,
        rows,
        revoked === true
          ? 'No device was removed.'
          : 'No devices. Switch one on and run `muster activate CODE`, or make one: `muster devices create NAME`.',
      ),
    );
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
    const before = await findDevice(api, device);
    const changed = await api.changeDevice(before.deviceId, { name });
    if (context.json) context.terminal.print(JSON.stringify(changed));
    else context.terminal.note(`${before.name} is called ${name} now.`);
  },
});

const set = defineCommand({
  name: 'devices set',
  summary: 'Say what kind of device it is, and put tags on it',
  operands: { device: deviceOperand },
  options: {
    profile: { kind: 'text', value: 'PROFILE', summary: 'what kind it is; `none` takes it away' },
    tags: { kind: 'text', value: 'TAGS', summary: 'with commas, instead of those it has; `none` takes all away' },
  },
  async run({ device }, { profile, tags }, context) {
    if (profile === undefined && tags === undefined) throw usage('Give --profile or --tags.');
    const api = await context.signedIn();
    const { deviceId } = await findDevice(api, device);
    const changed = await api.changeDevice(deviceId, {
      ...(profile === undefined ? {} : { profile: profile === 'none' ? null : profile }),
      ...(tags === undefined ? {} : { tags: tags === 'none' ? [] : readTags(tags) }),
    });
    const marks = changed.tags.length === 0 ? 'no tags' : `tags ${changed.tags.join(', ')}`;
    say(
      context,
      changed,
      `has ${changed.profile === null ? 'no profile' : `the profile ${changed.profile}`} and ${marks}`,
    );
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
  summary: 'Remove a device: its tokens end and its connection is closed. It comes back by a new activation',
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

export const deviceCommands = [list, show, rename, set, point, revoke, registerKey, ...credentialCommands];

function say({ terminal, json }: Context, device: Device, what: string): void {
  if (json) terminal.print(JSON.stringify(device));
  else terminal.note(`${device.name} ${what}.`);
}

function seen({ lastSeenAt }: Device): string {
  return lastSeenAt === null ? 'never' : instant(lastSeenAt);
}

function instant(value: unknown): string {
  return typeof value === 'number' ? instantText(value) : 'never';
}

function text(value: unknown): string {
  return value === null ? '—' : String(value);
}
