import { defineCommand } from '../../command.ts';
import { usage } from '../../command-line.ts';
import { tableOf } from '../../screen/terminal.ts';
import { readPassword } from '../account.ts';

const list = defineCommand({
  name: 'sessions',
  summary: 'List where you are signed in',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const { sessions } = await (await signedIn()).ownSessions();
    if (json) return terminal.print(JSON.stringify(sessions));
    const rows = sessions.map(({ sessionId, client, address, lastUsedAt, current }) => [
      sessionId,
      current ? `${client} (this one)` : client,
      address ?? '',
      new Date(lastUsedAt).toLocaleString('sv').slice(0, 16),
    ]);
    terminal.print(tableOf(['ID', 'WITH', 'FROM', 'LAST USED'], rows, 'Nowhere.'));
  },
});

const end = defineCommand({
  name: 'sessions end',
  summary: 'End one of your sessions, or with --others all but this one',
  operands: { session: { required: false, summary: 'its id, as `muster sessions` shows it' } },
  options: { others: { kind: 'flag', summary: 'all but the one that asks' } },
  async run({ session }, { others }, { terminal, json, signedIn }) {
    if ((session === undefined) === !others) throw usage('Give the id of a session, or --others.');
    const api = await signedIn();
    const ended =
      session === undefined ? (await api.endOtherSessions()).ended : await api.endSession(session).then(() => 1);
    if (json) return terminal.print(JSON.stringify({ ended }));
    terminal.note(ended === 1 ? 'One session ended.' : `${ended} sessions ended.`);
  },
});

const password = defineCommand({
  name: 'password',
  summary: 'Change your password; all your other sessions end',
  operands: {},
  options: {
    'password-file': { kind: 'text', value: 'FILE', summary: 'read the present one from a file; asked for without it' },
    'new-password-file': { kind: 'text', value: 'FILE', summary: 'read the new one from a file; asked for without it' },
  },
  async run(_operands, options, context) {
    const api = await context.signedIn();
    const current = await readPassword(context, options['password-file'], 'Present password', false);
    const wanted = 'New password (12 characters or more)';
    await api.changePassword({
      current,
      password: await readPassword(context, options['new-password-file'], wanted, true),
    });
    if (!context.json) context.terminal.note('Changed. All your other sessions have ended.');
  },
});

const recoveryCodes = defineCommand({
  name: 'recovery-codes',
  summary: 'Make new recovery codes; those before end',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const { codes } = await (await signedIn()).newRecoveryCodes();
    if (json) return terminal.print(JSON.stringify(codes));
    for (const code of codes) terminal.print(code);
    terminal.note('Each works once. Keep them where you keep passports: they are shown this once.');
  },
});

export const ownCommands = [list, end, password, recoveryCodes];
