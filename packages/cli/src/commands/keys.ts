import type { ApiKey } from '@muster/contract';
import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { tableOf } from '../screen/terminal.ts';
import { siteOrOnly } from '../server/find.ts';
import { readName } from '../typed.ts';

const siteOption = { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' } as const;

const list = defineCommand({
  name: 'keys list',
  summary: 'List the API keys of a site',
  operands: {},
  options: { site: siteOption },
  async run(_operands, { site }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { keys } = await api.apiKeys((await siteOrOnly(api, site)).siteId);
    if (json) return terminal.print(JSON.stringify(keys));
    const rows = keys.map((key) => [
      key.name,
      key.mayPublish.join(' ') || '-',
      key.maySubscribe.join(' ') || '-',
      day(key.expiresAt),
      day(key.lastUsedAt),
      key.keyId,
    ]);
    terminal.print(tableOf(['NAME', 'PUBLISHES', 'SUBSCRIBES', 'UNTIL', 'LAST USED', 'ID'], rows, 'No API keys.'));
  },
});

const create = defineCommand({
  name: 'keys create',
  summary: 'Make an API key for MQTT; its secret is shown this once',
  operands: { name: { required: true, summary: 'what it is for' } },
  options: {
    site: siteOption,
    publish: { kind: 'text', value: 'FILTERS', summary: 'topic filters with commas: devices/+/app/#' },
    subscribe: { kind: 'text', value: 'FILTERS', summary: 'topic filters with commas: devices/+/telemetry' },
    days: { kind: 'number', value: 'N', min: 1, max: 730, summary: 'how long it holds (default 90)' },
  },
  async run({ name }, { site, publish, subscribe, days }, { terminal, json, signedIn }) {
    const mayPublish = filters(publish);
    const maySubscribe = filters(subscribe);
    if (mayPublish.length + maySubscribe.length === 0) throw usage('Give --publish or --subscribe.');
    const api = await signedIn();
    const { siteId } = await siteOrOnly(api, site);
    const wanted = { siteId, name: readName(name), mayPublish, maySubscribe };
    const made = await api.createApiKey(days === undefined ? wanted : { ...wanted, days });
    if (json) return terminal.print(JSON.stringify(made));
    terminal.print(made.secret);
    const { key } = made;
    terminal.note(
      `${key.name} is made (${key.keyId}), until ${day(key.expiresAt)}. Above is its secret, the MQTT password for the user name key; it is not shown again.`,
    );
  },
});

const remove = defineCommand({
  name: 'keys delete',
  summary: 'Delete an API key: it is void at once',
  operands: { key: { required: true, summary: 'its name or id' } },
  options: { site: siteOption },
  async run({ key }, { site }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { keys } = await api.apiKeys((await siteOrOnly(api, site)).siteId);
    const found = only(keys, key);
    await api.deleteApiKey(found.keyId);
    terminal.print(json ? JSON.stringify({ keyId: found.keyId }) : `${found.name} is deleted.`);
  },
});

export const keyCommands = [list, create, remove];

function only(keys: readonly ApiKey[], wanted: string): ApiKey {
  const [found, second] = keys.filter(({ keyId, name }) => keyId === wanted || name === wanted);
  if (found === undefined) throw usage(`There is no key "${wanted}".`);
  if (second !== undefined) throw usage(`Several keys are called "${wanted}": give the id.`);
  return found;
}

function filters(list: string | undefined): string[] {
  return (list ?? '').split(',').filter((filter) => filter !== '');
}

function day(at: number | null): string {
  return at === null ? 'never' : new Date(at).toISOString().slice(0, 10);
}
