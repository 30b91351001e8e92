import type { Condition, GroupQuery } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findDevice, findGroup, siteOrOnly } from '../../server/find.ts';
import { readName, readObject, readTags } from '../../typed.ts';
import { followRun } from './runs.ts';
import { commandOperands, commandOptions, readCommand } from './send.ts';

const MEMBERS = 200;
const groupOperand = { required: true, summary: 'its name or id' } as const;
const siteOption = { kind: 'text', value: 'SITE', summary: 'the site that owns it (name or id)' } as const;

const list = defineCommand({
  name: 'groups list',
  summary: 'List your groups of devices',
  operands: {},
  options: { site: siteOption },
  async run(_operands, { site }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const siteId = site === undefined ? undefined : (await siteOrOnly(api, site)).siteId;
    const { groups } = await api.groups(siteId);
    if (json) return terminal.print(JSON.stringify(groups));
    const rows = groups.map(({ name, query, groupId }) => [name, query === null ? 'a list' : sentence(query), groupId]);
    terminal.print(tableOf(['NAME', 'DEVICES', 'ID'], rows, 'No groups yet. Make one: muster groups create --help'));
  },
});

const create = defineCommand({
  name: 'groups create',
  summary: 'Make a group: devices that you name, or all that a query finds, now and later',
  operands: {
    name: { required: true, summary: 'how it is called' },
    device: { required: false, many: true, summary: 'devices of a list, by name or id' },
  },
  options: {
    site: siteOption,
    tags: { kind: 'text', value: 'TAGS', summary: 'all devices that have every one of these tags' },
    query: { kind: 'text', value: 'JSON', summary: 'all devices for which it holds: {"all":[…],"any":[…]}' },
  },
  async run({ name: typed, device }, { site, tags, query }, { terminal, json, signedIn }) {
    const name = readName(typed, 'The name of the group');
    const wanted = readQuery(tags, query);
    if ((wanted !== null) === device.length > 0) throw usage('Name devices, or give --tags or --query.');
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const deviceIds: string[] = [];
    for (const one of device) deviceIds.push((await findDevice(api, one)).deviceId);
    const group = await api.createGroup({ name, siteId, ...(wanted === null ? { deviceIds } : { query: wanted }) });
    if (json) terminal.print(JSON.stringify(group));
    else terminal.note(`${group.name} is made. Its devices: muster groups members ${JSON.stringify(group.name)}`);
  },
});

const members = defineCommand({
  name: 'groups members',
  summary: 'List the devices that are in a group now',
  operands: { group: groupOperand },
  options: {
    limit: { kind: 'number', value: 'N', min: 1, max: 1_000, summary: `at most so many (default ${MEMBERS})` },
  },
  async run({ group }, { limit }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { groupId } = await findGroup(api, group);
    const { devices, next } = await api.groupDevices(groupId, { limit: limit ?? MEMBERS });
    if (json) return terminal.print(JSON.stringify(devices));
    const rows = devices.map(({ name, connected, tags, deviceId }) => [
      name,
      connected ? 'connected' : 'away',
      tags.join(' '),
      deviceId,
    ]);
    terminal.print(tableOf(['NAME', 'STATE', 'TAGS', 'ID'], rows, 'No device is in this group.'));
    if (next !== null) terminal.note('There are more: --limit N');
  },
});

const remove = defineCommand({
  name: 'groups delete',
  summary: 'Drop a group; its devices stay',
  operands: { group: groupOperand },
  options: {},
  async run({ group }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const found = await findGroup(api, group);
    await api.deleteGroup(found.groupId);
    if (json) terminal.print(JSON.stringify({ groupId: found.groupId }));
    else terminal.note(`The group ${found.name} is gone.`);
  },
});

const send = defineCommand({
  name: 'groups send',
  summary: 'Send a command to every device that is in a group now, some at a time, and follow it to the end',
  operands: { group: groupOperand, ...commandOperands },
  options: {
    ...commandOptions,
    'at-once': { kind: 'number', value: 'N', min: 1, max: 1_000, summary: 'devices at a time (default 10)' },
    'stop-after': { kind: 'number', value: 'N', min: 1, summary: 'send no more when so many failed' },
    'no-wait': { kind: 'flag', summary: 'do not follow it' },
  },
  async run({ group, ...what }, options, context) {
    const request = readCommand(what, options);
    const api = await context.signedIn();
    const { groupId } = await findGroup(api, group);
    const { 'at-once': atOnce, 'stop-after': stopAfterFailures } = options;
    const run = await api.startRun(groupId, {
      ...request,
      ...(atOnce === undefined ? {} : { atOnce }),
      ...(stopAfterFailures === undefined ? {} : { stopAfterFailures }),
    });
    if (!options['no-wait']) return followRun(api, run, context);
    if (context.json) return context.terminal.print(JSON.stringify(run));
    context.terminal.note(`It goes on without you. See: muster runs show ${run.runId}`);
  },
});

export const groupCommands = [list, create, members, remove, send];

function readQuery(tags: string | undefined, typed: string | undefined): GroupQuery | null {
  if (tags === undefined && typed === undefined) return null;
  const query: GroupQuery = typed === undefined ? {} : readObject(typed, '--query');
  const tagged: Condition[] = readTags(tags ?? '').map((tag) => ({ tag }));
  return tagged.length === 0 ? query : { ...query, all: [...tagged, ...(query.all ?? [])] };
}

/** `tag lamp and wifi.rssi below -70`. */
function sentence({ all = [], any = [] }: GroupQuery): string {
  const joined = any.map(words).join(' or ');
  const parts = [
    ...all.map(words),
    ...(joined === '' ? [] : [all.length === 0 || any.length < 2 ? joined : `(${joined})`]),
  ];
  return parts.join(' and ');
}

function words(condition: Condition): string {
  return Object.entries(condition)
    .map(([name, value]) => (name === 'reported' ? String(value) : `${name} ${String(value)}`))
    .join(' ');
}
