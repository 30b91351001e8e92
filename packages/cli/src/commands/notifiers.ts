import { readFile } from 'node:fs/promises';
import { MusterError } from '@muster/contract';
import { defineCommand } from '../command.ts';
import { memberNames } from '../screen/member-names.ts';
import { tableOf } from '../screen/terminal.ts';
import { findNotifier, findSite, siteOrOnly } from '../server/find.ts';
import { readName, readObject } from '../typed.ts';

const notifierOperand = { required: true, summary: 'its name or id' } as const;

const list = defineCommand({
  name: 'notifiers list',
  summary: 'List who is told of alerts; never their secrets',
  operands: {},
  options: { site: { kind: 'text', value: 'SITE', summary: 'only of this site (name or id)' } },
  async run(_operands, { site }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { notifiers } = await api.notifiers(site === undefined ? undefined : (await findSite(api, site)).siteId);
    if (json) return terminal.print(JSON.stringify(notifiers));
    const rows = notifiers.map((one) => [
      one.name,
      one.kind,
      JSON.stringify(one.settings),
      one.hasSecrets ? 'yes' : 'no',
      one.enabled ? '' : 'off',
      one.notifierId,
    ]);
    terminal.print(tableOf(['NAME', 'KIND', 'SETTINGS', 'SECRETS', '', 'ID'], rows, 'Nobody is told of alerts.'));
  },
});

const kinds = defineCommand({
  name: 'notifiers kinds',
  summary: 'List the ways to tell people, with their settings and secrets',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const found = await (await signedIn()).notifierKinds();
    if (json) return terminal.print(JSON.stringify(found.kinds));
    const rows = found.kinds.map(({ kind, title, settings, secrets }) => [
      kind,
      title,
      memberNames(settings),
      memberNames(secrets),
    ]);
    terminal.print(tableOf(['KIND', 'WHAT', 'SETTINGS', 'SECRETS'], rows, ''));
  },
});

const add = defineCommand({
  name: 'notifiers add',
  summary: 'Add somebody to tell; name it in a rule with `alert-rules add --tell`',
  operands: {
    name: { required: true, summary: 'its name' },
    kind: { required: true, summary: 'one of notifiers kinds' },
  },
  options: {
    settings: { kind: 'text', value: 'JSON', summary: 'such as {"topic":"our-shop"}' },
    'secrets-file': { kind: 'text', value: 'FILE', summary: 'a JSON object; secrets do not belong on a command line' },
    site: { kind: 'text', value: 'SITE', summary: 'the site (name or id); needed when you have several' },
  },
  async run({ name, kind }, { settings, 'secrets-file': file, site }, { terminal, json, signedIn }) {
    const wanted = {
      name: readName(name),
      kind,
      ...(settings === undefined ? {} : { settings: readObject(settings, '--settings') }),
      ...(file === undefined ? {} : { secrets: readObject(await readFile(file, 'utf8'), file) }),
    };
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const made = await api.createNotifier({ ...wanted, siteId });
    terminal.print(json ? JSON.stringify(made) : `${made.name}  ${made.notifierId}`);
  },
});

const test = defineCommand({
  name: 'notifiers test',
  summary: 'Tell them something now, and say what came of it',
  operands: { notifier: notifierOperand },
  options: {},
  async run({ notifier }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { notifierId, name } = await findNotifier(api, notifier);
    const { delivered, detail } = await api.testNotifier(notifierId);
    const say = detail.endsWith('.') ? detail : `${detail}.`;
    if (json) terminal.print(JSON.stringify({ delivered, detail }));
    else if (delivered) terminal.note(`${name} has it: ${say}`);
    if (!delivered) throw new MusterError('NOTIFIER_FAILED', { notifierId }, { say });
  },
});

const remove = defineCommand({
  name: 'notifiers delete',
  summary: 'Tell them no more',
  operands: { notifier: notifierOperand },
  options: {},
  async run({ notifier }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { notifierId, name } = await findNotifier(api, notifier);
    await api.deleteNotifier(notifierId);
    if (json) terminal.print(JSON.stringify({ notifierId }));
    else terminal.note(`${name} is told no more.`);
  },
});

export const notifierCommands = [list, kinds, add, test, remove];
