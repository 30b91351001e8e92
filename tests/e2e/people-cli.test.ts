import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { FactorAdded, Invitation, Member, SessionInfo, TotpBegun, User } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestPerson, type TestServer } from '@muster/server/testing';
import { Secret, TOTP } from 'otpauth';

/** People at the command line, on the real server: as programs run it, and as somebody at a terminal. */
const BIN = join(import.meta.dirname, '../../packages/cli/bin/muster.js');
let muster: TestServer;
let folder: string;
let ada: Shell;

/** The command with a session of its own. */
interface Shell {
  run(...args: string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
  /** The same for a person at a terminal, who types these lines when they are asked. All that the terminal shows. */
  typing(lines: readonly string[], ...args: string[]): Promise<string>;
  json<T>(...args: string[]): Promise<T>;
}

async function shellOf(name: string): Promise<Shell> {
  const home = join(folder, name);
  const env: NodeJS.ProcessEnv = {
    TZ: 'UTC',
    PATH: process.env.PATH,
    NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
    TERM: 'xterm',
    XDG_CONFIG_HOME: home,
    XDG_STATE_HOME: home,
  };
  const shell: Shell = {
    async run(...args) {
      const child = spawn(process.execPath, [BIN, ...args], {
        env,
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      });
      const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
      const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
      const [out = '', err = ''] = await texts;
      return { code, out, err };
    },
    async typing(lines, ...args) {
      const line = [process.execPath, BIN, ...args].map((word) => `'${word}'`).join(' ');
      const child = spawn('script', ['-qec', line, '/dev/null'], {
        env,
        stdio: ['pipe', 'pipe', 'inherit'],
        timeout: 60_000,
      });
      let shown = '';
      let typed = 0;
      child.stdout.on('data', (bytes: Buffer) => {
        shown += String(bytes);
        // each question ends with a colon and waits
        if (/: $/.test(shown) && typed < lines.length) child.stdin.write(`${lines[typed++]}\r`);
      });
      await new Promise((resolve) => child.on('close', resolve));
      return shown;
    },
    async json<T>(...args: string[]) {
      const { code, out, err } = await shell.run(...args, '--json');
      assert.equal(code, 0, err);
      return JSON.parse(out) as T;
    },
  };
  return shell;
}

async function signedIn(name: string, who: { readonly email: string; readonly password: string }): Promise<Shell> {
  const shell = await shellOf(name);
  const file = join(folder, `${name}.password`);
  await writeFile(file, `${who.password}\n`);
  const { code, err } = await shell.run('login', '--server', muster.url, '--email', who.email, '--password-file', file);
  assert.equal(code, 0, err);
  return shell;
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-people-'));
  muster = await startTestServer({ flags: ['--accounts.secondFactor.owner=false'] });
  ada = await signedIn('ada', TEST_ADMINISTRATOR);
});
after(async () => {
  await muster?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The proof of this person is old, as it is ten minutes after they signed in. */
const age = (email: string) =>
  muster.sql('UPDATE sessions SET proved_at = 0 WHERE user_id = (SELECT user_id FROM users WHERE email = $1)', [email]);

test('an administrator finds people, changes what they may, closes and opens an account, and deletes it', async () => {
  const kim = await muster.person('viewer');
  const users = await ada.json<User[]>('users');
  assert.ok(users.some(({ email }) => email === kim.email));
  const { out } = await ada.run('users', 'show', kim.email);
  assert.match(out, /A viewer <.+>, active/);
  await ada.json('users', 'change', kim.email, '--support', 'yes');
  assert.equal((await kim.call<{ user: User }>('GET', '/api/me')).user.support, true);
  assert.equal((await ada.run('users', 'deactivate', kim.email)).code, 0);
  await assert.rejects(kim.call('GET', '/api/me'), { code: 'SIGN_IN_REQUIRED' });
  assert.equal((await ada.run('users', 'activate', kim.email)).code, 0);
  assert.equal((await ada.run('users', 'reset', kim.email)).code, 0);
  assert.ok(muster.printed.some((line) => line.includes('/reset?token=')));
  assert.equal((await ada.run('users', 'delete', kim.email)).code, 0);
  const gone = await ada.run('users', 'show', kim.email);
  assert.equal(gone.code, 1);
  assert.match(gone.err, /There is no user/);
});

test('members change their role and leave; invitations are made again and taken back', async () => {
  const lee = await muster.person('viewer');
  const changed = await ada.json<Member>('members', 'role', lee.email, 'operator');
  assert.equal(changed.role, 'operator');
  assert.equal((await ada.run('members', 'remove', lee.email)).code, 0);
  assert.equal((await ada.run('members', 'remove', lee.email)).code, 1);
  const link = (await ada.run('members', 'invite', 'new@example.com')).out.trim();
  const [expected] = await ada.json<Invitation[]>('invitations');
  assert.equal(expected?.email, 'new@example.com');
  const again = (await ada.run('invitations', 'again', 'new@example.com')).out.trim();
  assert.match(again, /^http/);
  assert.notEqual(again, link);
  assert.equal((await ada.run('invitations', 'withdraw', 'new@example.com')).code, 0);
  assert.deepEqual(await ada.json('invitations'), []);
});

test('a person sees and ends their own sessions, and changes their password', async () => {
  const max = await muster.person('operator');
  const shell = await signedIn('max', max);
  const sessions = await shell.json<SessionInfo[]>('sessions');
  assert.equal(sessions.find(({ current }) => current)?.client, 'Muster command line on Linux');
  assert.deepEqual(await shell.json('sessions', 'end', '--others'), { ended: 1 });
  await assert.rejects(max.call('GET', '/api/me'), { code: 'SIGN_IN_REQUIRED' });
  const file = join(folder, 'new.password');
  await writeFile(file, 'nine quiet lanterns\n');
  const change = ['password', '--password-file', join(folder, 'max.password'), '--new-password-file', file];
  assert.equal((await shell.run(...change)).code, 0);
  await signedIn('max again', { email: max.email, password: 'nine quiet lanterns' });
});

test('what asks for a proof says so to a program, and asks a person in place', async () => {
  await age(TEST_ADMINISTRATOR.email);
  const refused = await ada.run('audit', 'export', '--out', join(folder, 'refused.ndjson'));
  assert.equal(refused.code, 1);
  assert.match(refused.err, /muster prove/);
  // the wrong one first: it is told, and nothing was done
  const wrong = await ada.typing(['not the password'], 'audit', 'export', '--out', join(folder, 'wrong.ndjson'));
  assert.match(wrong, /This asks for a proof/);
  assert.match(wrong, /muster: /);
  const right = await ada.typing(
    [TEST_ADMINISTRATOR.password],
    'audit',
    'export',
    '--out',
    join(folder, 'right.ndjson'),
  );
  assert.match(right, /This asks for a proof/);
  assert.doesNotMatch(right, /muster: /);
  assert.ok(!right.includes(TEST_ADMINISTRATOR.password), 'what is typed is not shown');
  // the proof holds for the next ten minutes
  assert.equal((await ada.run('audit', 'export', '--out', join(folder, 'next.ndjson'))).code, 0);
});

test('with an app, the code of it signs in and proves', async () => {
  const eve: TestPerson = await muster.person('owner');
  const { secret } = await eve.call<TotpBegun>('POST', '/api/me/totp');
  const at = Date.now();
  const codeAt = (timestamp: number): string => new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });
  const { recoveryCodes } = await eve.call<FactorAdded>('POST', '/api/me/totp/confirm', { code: codeAt(at) });
  const shell = await shellOf('eve');
  const file = join(folder, 'eve.password');
  await writeFile(file, eve.password);
  const login = ['login', '--server', muster.url, '--email', eve.email, '--password-file', file];
  const without = await shell.run(...login);
  assert.equal(without.code, 2);
  assert.match(without.err, /--code/);
  assert.equal((await shell.run(...login, '--code', codeAt(at + 30_000))).code, 0);
  await age(eve.email);
  assert.equal((await shell.run('prove', '--code', recoveryCodes?.[0] ?? '')).code, 0);
  assert.equal((await shell.run('prove', '--code', recoveryCodes?.[0] ?? '')).code, 1, 'it works once');
  const fresh = await shell.json<string[]>('recovery-codes');
  assert.equal(fresh.length, 10);
});
