import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';

/**
 * The shell blocks of guides, run as they stand by a shell that ends at the first command that fails: only the ports are
 * other ones. Blocks for `npm` are what the checks of the repository do anyway.
 */
const ROOT = join(import.meta.dirname, '..');
const GUIDES: readonly { readonly file: string; readonly programs: readonly string[]; readonly tls?: true }[] = [
  { file: 'first-mqtt-device.md', programs: ['mosquitto_pub', 'mosquitto_sub'] },
  { file: 'move-from-thingsboard.md', programs: ['mosquitto_pub', 'curl'] },
  { file: 'add-an-alert-rule.md', programs: ['curl'] },
  { file: 'add-a-notifier.md', programs: ['mosquitto_sub', 'curl'] },
  { file: 'report-an-incident.md', programs: [] },
  { file: 'first-team.md', programs: ['openssl'] },
  { file: 'device-credentials.md', programs: ['mosquitto_sub', 'curl'] },
  { file: 'device-certificates.md', programs: ['mosquitto_pub', 'curl', 'openssl'], tls: true },
];
const GUIDE_MS = 45_000;

/** A server, and the folder of a reader who is signed in to it. */
interface Desk {
  readonly muster: TestServer;
  readonly folder: string;
}
let desk: Desk;

async function sitDown(folder: string, flags: readonly string[]): Promise<Desk> {
  const muster = await startTestServer({
    // a reader's server has been up for more than a minute
    flags: ['--alerts.startGraceMs=0', ...flags],
  });
  const found = { muster, folder };
  const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, 'packages/cli/bin/muster.js')}" "$@"\n`;
  await writeFile(join(folder, 'npx'), npx, { mode: 0o755 });
  await symlink(join(ROOT, 'docs'), join(folder, 'docs'));
  const password = join(folder, 'password');
  await writeFile(password, TEST_ADMINISTRATOR.password);
  const { email } = TEST_ADMINISTRATOR;
  const login = `npx muster login --server ${muster.url} --email ${email} --password-file ${password}`;
  const { code, output } = await shell(login, found);
  assert.equal(code, 0, output);
  return found;
}

/** The same with a server that speaks TLS, whose certificate lies in the folder. */
async function sitDownWithTls(): Promise<Desk> {
  const folder = await newFolder();
  const [cert, key] = [join(folder, 'server.pem'), join(folder, 'server.key')];
  const made = spawnSync('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
  ]);
  assert.equal(made.status, 0, String(made.stderr));
  setDefaultCACertificates([...getCACertificates('default'), await readFile(cert, 'utf8')]);
  return sitDown(folder, [`--http.tlsCert=${cert}`, `--http.tlsKey=${key}`, '--mqtt.tlsPort=0']);
}

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'muster-guides-'));

async function leave({ muster, folder }: Desk): Promise<void> {
  await muster.stop();
  await rm(folder, { recursive: true, force: true });
}

before(async () => {
  desk = await sitDown(await newFolder(), []);
});
after(() => leave(desk));

/** The commands that a reader of a guide types, in their order. */
async function commandsOf(file: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/guides', file), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  const typed = blocks.filter((block) => !block.startsWith('npm '));
  assert.ok(typed.length > 0, `${file} has no shell block`);
  return typed.join('');
}

async function shell(
  commands: string,
  { muster, folder }: Desk,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const script = commands
    .replaceAll('-p 1883', `-p ${muster.server.mqtt.port}`)
    .replaceAll('-p 8883', `-p ${muster.server.mqtt.tlsPort}`)
    .replaceAll(/https?:\/\/127\.0\.0\.1:8080/g, muster.url);
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: folder,
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      XDG_STATE_HOME: folder,
      TZ: 'UTC',
      NODE_EXTRA_CA_CERTS: join(folder, 'server.pem'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // with what it started in the background
    detached: true,
  });
  const timer = setTimeout(() => end(child.pid), GUIDE_MS);
  try {
    const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
    const [code] = await once(child, 'exit');
    end(child.pid);
    return { code: code as number | null, output: (await texts).join('\n') };
  } finally {
    clearTimeout(timer);
  }
}

/** Every process of the group; none may be left. */
function end(group: number | undefined): void {
  if (group === undefined) return;
  try {
    process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

for (const { file, programs, tls } of GUIDES) {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  test(`the commands of ${file} work as they stand`, {
    skip: missing.length === 0 ? false : `not installed: ${missing.join(', ')}`,
  }, async (t) => {
    const own = tls === true ? await sitDownWithTls() : null;
    if (own !== null) t.after(() => leave(own));
    const { code, output } = await shell(await commandsOf(file), own ?? desk);
    assert.equal(code, 0, output);
  });
}

test('a guide whose command fails is noticed', async () => {
  assert.notEqual((await shell('npx muster devices show Nobody | cat\necho done\n', desk)).code, 0);
});
