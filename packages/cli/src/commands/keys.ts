import { setTimeout as delay } from 'node:timers/promises';
import { type ApiKey, MusterError } from '@muster/contract';
import { defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { count, progressLine } from '../screen/progress.ts';
import { tableOf } from '../screen/terminal.ts';
import type { Api } from '../server/api.ts';
import { siteOrOnly } from '../server/find.ts';
import { readName } from '../typed.ts';

const siteOption = { kind: 'text', value: 'SITE', summary: 'name or id; needed when there are several' } as const;
const serverOption = { kind: 'flag', summary: 'of the whole server and every site; administrators only' } as const;

/** How often the server is asked how far it is, ms. */
const LOOK_MS = 200;

const list = defineCommand({
  name: 'keys list',
  summary: 'List the API keys of a site, or of the whole server',
  operands: {},
  options: { site: siteOption, server: serverOption },
  async run(_operands, { site, server }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { keys } = await api.apiKeys(await siteOf(api, site, server));
    if (json) return terminal.print(JSON.stringify(keys));
    const rows = keys.map((key) => [
      key.name,
      [...key.actions, ...key.mayPublish, ...key.maySubscribe].join(' '),
      key.addresses.join(' ') || 'everywhere',
      day(key.expiresAt),
      day(key.lastUsedAt),
      key.keyId,
    ]);
    terminal.print(tableOf(['NAME', 'MAY', 'FROM', 'UNTIL', 'LAST USED', 'ID'], rows, 'No API keys.'));
  },
});

const create = defineCommand({
  name: 'keys create',
  summary: 'Make an API key for a program; its secret is shown this once',
  operands: { name: { required: true, summary: 'what it is for' } },
  options: {
    site: siteOption,
    server: serverOption,
    allow: {
      kind: 'text',
      value: 'ACTIONS',
      summary:
        'what it may do over HTTP, with commas: device.read,telemetry.read; docs/reference/permissions.md lists all',
    },
    from: { kind: 'text', value: 'NETWORKS', summary: 'from where it may be used, with commas: 10.0.0.0/8' },
    publish: { kind: 'text', value: 'FILTERS', summary: 'topic filters with commas: devices/+/app/#' },
    subscribe: { kind: 'text', value: 'FILTERS', summary: 'topic filters with commas: devices/+/telemetry' },
    days: { kind: 'number', value: 'N', min: 1, max: 730, summary: 'how long it holds (default 90)' },
  },
  async run({ name }, { site, server, allow, from, publish, subscribe, days }, { terminal, json, signedIn }) {
    const actions = filters(allow);
    const addresses = filters(from);
    const mayPublish = filters(publish);
    const maySubscribe = filters(subscribe);
    if (actions.length + mayPublish.length + maySubscribe.length === 0) {
      throw usage('Say what it may do: give --allow, --publish or --subscribe.');
    }
    const api = await signedIn();
    const siteId = await siteOf(api, site, server);
    const wanted = { siteId, name: readName(name), actions, addresses, mayPublish, maySubscribe };
    const made = await api.createApiKey(days === undefined ? wanted : { ...wanted, days });
    if (json) return terminal.print(JSON.stringify(made));
    terminal.print(made.secret);
    const { key } = made;
    terminal.note(
      `${key.name} is made (${key.keyId}), until ${day(key.expiresAt)}. Above is its secret: over HTTP "Authorization: Bearer SECRET", over MQTT the password of the user name key. It is not shown again.`,
    );
  },
});

const remove = defineCommand({
  name: 'keys delete',
  summary: 'Delete an API key: it is void at once',
  operands: { key: { required: true, summary: 'its name or id' } },
  options: { site: siteOption, server: serverOption },
  async run({ key }, { site, server }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { keys } = await api.apiKeys(await siteOf(api, site, server));
    const found = only(keys, key);
    await api.deleteApiKey(found.keyId);
    terminal.print(json ? JSON.stringify({ keyId: found.keyId }) : `${found.name} is deleted.`);
  },
});

const rotate = defineCommand({
  name: 'keys rotate',
  summary: 'Make a new key for the secrets in the database and seal all of them with it',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const ended = await terminal.waiting('seal', async (say) => {
      let state = await api.rotateKey();
      while (state.running) {
        say(`seal  ${progressLine(state.done, state.done + state.left, 'secrets')}`);
        await delay(LOOK_MS);
        state = await api.keyRotation();
      }
      return state;
    });
    if (ended.failure !== null) throw new MusterError('SECRET_UNREADABLE', {}, { say: ended.failure });
    if (json) return terminal.print(JSON.stringify(ended));
    terminal.print(
      `${count(ended.done)} secrets are sealed with the new key. Copy the key file anew: the old key opens nothing more.`,
    );
  },
});

export const keyCommands = [list, create, remove, rotate];

async function siteOf(api: Api, site: string | undefined, server: boolean): Promise<string | null> {
  if (server && site !== undefined) throw usage('Give --site or --server, not both.');
  return server ? null : (await siteOrOnly(api, site)).siteId;
}

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
