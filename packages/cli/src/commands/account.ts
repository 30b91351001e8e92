import { readFile } from 'node:fs/promises';
import { MusterError, type Proof, type SessionReply, type SignInPending } from '@muster/contract';
import { type Context, defineCommand } from '../command.ts';
import { usage } from '../command-line.ts';
import { askProof, proofOfCode } from '../proof.ts';
import { isExposed, readSetupLink } from '../server/address.ts';
import { type Api, createApi } from '../server/api.ts';
import { forgetSession, writeSession } from '../server/session.ts';
import { readEmail, readName, readText } from '../typed.ts';

const signInOptions = {
  email: { kind: 'text', value: 'EMAIL', summary: 'your e-mail address; asked for without it' },
  'password-file': { kind: 'text', value: 'FILE', summary: 'read the password from a file; asked for without it' },
} as const;

const setup = defineCommand({
  name: 'setup',
  summary: 'Use the set-up link of a new server: make its first administrator and sign in',
  operands: { link: { required: false, summary: 'the link that the server printed; asked for without it' } },
  options: {
    ...signInOptions,
    name: { kind: 'text', value: 'NAME', summary: 'your name; asked for without it' },
    site: { kind: 'text', value: 'NAME', summary: 'name of the first site (default: Home)' },
  },
  async run({ link }, options, context) {
    const { terminal } = context;
    const siteName = options.site === undefined ? undefined : readName(options.site, 'The name of the site');
    const { server, token } = readSetupLink(link ?? (await terminal.ask('Set-up link', { instead: 'LINK' })));
    const api = await context.unsigned(server);
    warnIfExposed(context, server);
    const name = readName(options.name ?? (await terminal.ask('Your name', { instead: '--name' })), 'Your name');
    const email = readEmail(options.email ?? (await terminal.ask('E-mail', { instead: '--email' })));
    const password = await readPassword(context, options['password-file'], 'Password (12 characters or more)', true);
    const reply = await api.setUp({ token, email, name, password, ...(siteName === undefined ? {} : { siteName }) });
    await keep(context, server, reply);
    await settleTimeZone(context, server, reply.token);
  },
});

const login = defineCommand({
  name: 'login',
  summary: 'Sign in to a server',
  operands: {},
  options: {
    ...signInOptions,
    code: { kind: 'text', value: 'CODE', summary: 'code of your app, or a recovery code; asked for when it is needed' },
  },
  async run(_operands, options, context) {
    const api = await context.unsigned();
    warnIfExposed(context, api.server);
    const email = readEmail(options.email ?? (await context.terminal.ask('E-mail', { instead: '--email' })));
    const password = await readPassword(context, options['password-file'], 'Password', false);
    const done = await api.signIn({ email, password });
    await keep(context, api.server, 'pending' in done ? await secondStep(context, api, done, options.code) : done);
  },
});

/** A code of an app, or a recovery code; passkeys are of browsers. */
async function secondStep(
  { terminal }: Context,
  api: Api,
  { pending, ways }: SignInPending,
  given: string | undefined,
): Promise<SessionReply> {
  if (!ways.includes('totp') && !ways.includes('recoveryCode')) {
    const say = `This account signs in with a passkey, which a terminal cannot use: open ${api.server}/account and add an authenticator app.`;
    throw new MusterError('FORBIDDEN', {}, { say });
  }
  const code = given ?? (await terminal.ask('Code of your app, or a recovery code', { instead: '--code' }));
  return api.finishSignIn(pending, proofOfCode(code));
}

const prove = defineCommand({
  name: 'prove',
  summary: 'Prove again that it is you: exports and other weighty things ask for it, here too when they need it',
  operands: {},
  options: {
    'password-file': signInOptions['password-file'],
    code: { kind: 'text', value: 'CODE', summary: 'code of your app, or a recovery code, instead of the password' },
  },
  async run(_operands, options, context) {
    const api = await context.signedIn();
    const { code } = options;
    const file = options['password-file'];
    const proof: Proof =
      code !== undefined
        ? proofOfCode(code)
        : file !== undefined
          ? { kind: 'password', password: await readPassword(context, file, 'Password', false) }
          : await askProof(context.terminal, api.server, (await api.waysToProve()).ways);
    const { provedUntil } = await api.prove(proof);
    if (context.json) context.terminal.print(JSON.stringify({ provedUntil }));
    else context.terminal.note(`Proved, until ${new Date(provedUntil).toLocaleTimeString('sv')}.`);
  },
});

const logout = defineCommand({
  name: 'logout',
  summary: 'Sign out: end the session on the server and forget it here',
  operands: {},
  options: {},
  async run(_operands, _options, context) {
    const api = await context.signedIn();
    try {
      await api.signOut();
    } finally {
      // Even when the server is gone, nothing of the session stays on this machine.
      await forgetSession(context.config.sessionFile);
    }
    context.terminal.note(`Signed out of ${api.server}.`);
  },
});

const whoami = defineCommand({
  name: 'whoami',
  summary: 'Show who is signed in, and where',
  operands: {},
  options: {},
  async run(_operands, _options, { terminal, json, signedIn }) {
    const api = await signedIn();
    const me = await api.me();
    if (json) return terminal.print(JSON.stringify({ server: api.server, ...me }));
    const role = me.user.administrator ? 'administrator' : `member of ${me.memberships.length} sites`;
    terminal.print(`${me.user.name} <${me.user.email}>, ${role}, on ${api.server}`);
  },
});

export const accountCommands = [setup, login, logout, whoami, prove];

async function keep({ terminal, config, json }: Context, server: string, reply: SessionReply): Promise<void> {
  const { token, expiresAt, user } = reply;
  await writeSession(config.sessionFile, { server, token, email: user.email, expiresAt });
  if (json) terminal.print(JSON.stringify({ server, expiresAt, user }));
  else terminal.note(`Signed in to ${server} as ${user.name} <${user.email}>.`);
}

/** The site that set-up made gets the time zone of this machine: whoever sets it up sits where it is, as a rule. */
async function settleTimeZone({ terminal, json }: Context, server: string, token: string): Promise<void> {
  const api = createApi({ server, token });
  const [site] = (await api.sites()).sites;
  if (site === undefined) return;
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const settled = site.timeZone === timeZone ? site : await api.changeSite(site.siteId, { timeZone });
  if (!json) terminal.note(`Your site is ${settled.name}, time zone ${settled.timeZone}.`);
}

function warnIfExposed({ terminal }: Context, server: string): void {
  if (isExposed(server))
    terminal.note(`Warning: ${server} is not encrypted; others on the network can read the password.`);
}

/** From a file, or as it is typed; a new one twice. */
export async function readPassword(
  { terminal }: Context,
  file: string | undefined,
  question: string,
  isNew: boolean,
): Promise<string> {
  const longest = 1_000;
  if (file !== undefined) {
    return readText((await readFile(file, 'utf8')).replace(/\r?\n$/, ''), 'The password', longest);
  }
  const asked = { hidden: true, instead: '--password-file' };
  const password = readText(await terminal.ask(question, asked), 'The password', longest);
  if (isNew && (await terminal.ask('The same again', asked)) !== password) {
    throw usage('The two passwords differ.');
  }
  return password;
}
