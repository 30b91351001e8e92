import type { User } from '@muster/contract';
import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { harmless } from '../../files/whole-file.ts';
import { tableOf } from '../../screen/terminal.ts';
import { findUser } from '../../server/find.ts';
import { readEmail } from '../../typed.ts';

const user = { required: true, summary: 'e-mail address or id' } as const;
const when = (at: number): string => new Date(at).toLocaleString('sv').slice(0, 16);
const rightsOf = ({ administrator, support }: User): string =>
  administrator ? 'administrator' : support ? 'support' : '';

const list = defineCommand({
  name: 'users',
  summary: 'List everybody who has an account on the server',
  operands: {},
  options: { search: { kind: 'text', value: 'TEXT', summary: 'how the name or the address begins' } },
  async run(_operands, { search }, { terminal, json, signedIn }) {
    const api = await signedIn();
    const users: User[] = [];
    for (let after: string | undefined; ; ) {
      const page = await api.users({ search, after, limit: 200 });
      users.push(...page.users);
      if (page.next === null) break;
      after = page.next;
    }
    if (json) return terminal.print(JSON.stringify(users));
    const rows = users.map((one) => [
      harmless(one.name),
      harmless(one.email),
      rightsOf(one),
      one.state,
      when(one.createdAt),
    ]);
    terminal.print(tableOf(['NAME', 'E-MAIL', 'RIGHTS', 'STATE', 'SINCE'], rows, 'Nobody.'));
  },
});

const show = defineCommand({
  name: 'users show',
  summary: 'Show a person: rights, sites, and where they are signed in',
  operands: { user },
  options: {},
  async run({ user: wanted }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { userId } = await findUser(api, wanted);
    const [{ user: found, memberships }, { sessions }] = await Promise.all([
      api.user(userId),
      api.userSessions(userId),
    ]);
    if (json) return terminal.print(JSON.stringify({ user: found, memberships, sessions }));
    const rights = rightsOf(found);
    terminal.print(
      `${harmless(found.name)} <${harmless(found.email)}>, ${found.state}${rights === '' ? '' : `, ${rights}`}`,
    );
    terminal.print(
      tableOf(
        ['SITE', 'ROLE'],
        memberships.map(({ siteId, role }) => [siteId, role]),
        'Belongs to no site.',
      ),
    );
    const rows = sessions.map(({ client, address, lastUsedAt }) => [client, address ?? '', when(lastUsedAt)]);
    terminal.print(tableOf(['SIGNED IN WITH', 'FROM', 'LAST USED'], rows, 'Signed in nowhere.'));
  },
});

/** One command for each deed that needs nothing but the person. */
const deed = (name: string, summary: string, said: string, run: 'deactivate' | 'activate' | 'delete' | 'end') =>
  defineCommand({
    name: `users ${name}`,
    summary,
    operands: { user },
    options: {},
    async run({ user: wanted }, _options, { terminal, json, signedIn }) {
      const api = await signedIn();
      const { userId, email } = await findUser(api, wanted);
      if (run === 'delete') await api.deleteUser(userId);
      else if (run === 'end') await api.endUserSessions(userId);
      else await api.changeUser(userId, { state: run === 'activate' ? 'active' : 'deactivated' });
      if (json) return terminal.print(JSON.stringify({ userId }));
      terminal.note(`${email} ${said}`);
    },
  });

const deactivate = deed(
  'deactivate',
  'Close the account of a person; all sessions end at once',
  'is deactivated.',
  'deactivate',
);
const activate = deed('activate', 'Open the account of a person again', 'may sign in again.', 'activate');
const remove = deed('delete', 'Delete a person, with the account and what belongs to it', 'is deleted.', 'delete');
const signOut = deed('sign-out', 'End all sessions of a person', 'is signed out everywhere.', 'end');

const reset = defineCommand({
  name: 'users reset',
  summary: 'Let a person choose a new password, by a link that works once',
  operands: { user },
  options: {},
  async run({ user: wanted }, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const { userId, email } = await findUser(api, wanted);
    await api.resetPassword(userId);
    if (json) return terminal.print(JSON.stringify({ userId }));
    terminal.note(`The link for ${email} is on its way by mail; without a mail server the server has printed it.`);
  },
});

const change = defineCommand({
  name: 'users change',
  summary: 'Give or take rights on the whole server',
  operands: { user },
  options: {
    administrator: { kind: 'text', value: 'yes|no', summary: 'sees and changes everything' },
    support: { kind: 'text', value: 'yes|no', summary: 'sees the devices of every site, never words of people' },
  },
  async run({ user: wanted }, options, { terminal, json, signedIn }) {
    const administrator = readYes(options.administrator, '--administrator');
    const support = readYes(options.support, '--support');
    if (administrator === undefined && support === undefined) throw usage('Give --administrator or --support.');
    const api = await signedIn();
    const { userId } = await findUser(api, readEmailOrId(wanted));
    const changed = await api.changeUser(userId, {
      ...(administrator === undefined ? {} : { administrator }),
      ...(support === undefined ? {} : { support }),
    });
    if (json) return terminal.print(JSON.stringify(changed));
    terminal.note(`${changed.email} is ${rightsOf(changed) || 'a member of sites only'}.`);
  },
});

const readEmailOrId = (typed: string): string => (typed.includes('@') ? readEmail(typed) : typed);

function readYes(typed: string | undefined, name: string): boolean | undefined {
  if (typed === undefined) return undefined;
  if (typed !== 'yes' && typed !== 'no') throw usage(`${name} is yes or no.`);
  return typed === 'yes';
}

export const userCommands = [list, show, change, reset, signOut, deactivate, activate, remove];
