import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { assemble } from '@muster/server';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';
import { createStubVoice } from '@muster/testkit';

/**
 * The shell blocks of guides, run as they stand by a shell that ends at the first command that fails: only the ports are
 * other ones. Blocks for `npm` are what the checks of the repository do anyway.
 */
const ROOT = join(import.meta.dirname, '..');
const GUIDES: readonly { readonly file: string; readonly programs: readonly string[] }[] = [
  { file: 'first-mqtt-device.md', programs: ['mosquitto_pub', 'mosquitto_sub'] },
  { file: 'move-from-thingsboard.md', programs: ['mosquitto_pub', 'curl'] },
  { file: 'add-an-alert-rule.md', programs: ['curl'] },
  { file: 'add-a-notifier.md', programs: ['mosquitto_sub', 'curl'] },
  { file: 'report-an-incident.md', programs: [] },
];
const GUIDE_MS = 45_000;

let muster: TestServer;
let folder: string;
const { vad, stt, llm, tts } = createStubVoice();

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-guides-'));
  muster = await startTestServer({
    parts: { vad, providers: assemble({ stt: [stt], llm: [llm], tts: [tts] }) },
    // a reader's server has been up for more than a minute
    flags: ['--alerts.startGraceMs=0'],
  });
  const npx = `#!/bin/sh\nshift\nexec "${process.execPath}" "${join(ROOT, 'packages/cli/bin/muster.js')}" "$@"\n`;
  await writeFile(join(folder, 'npx'), npx, { mode: 0o755 });
  const password = join(folder, 'password');
  await writeFile(password, TEST_ADMINISTRATOR.password);
  const { email } = TEST_ADMINISTRATOR;
  const login = `npx muster login --server ${muster.url} --email ${email} --password-file ${password}`;
  const { code, output } = await shell(login);
  assert.equal(code, 0, output);
});
after(async () => {
  await muster.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The commands that a reader of a guide types, in their order. */
async function commandsOf(file: string): Promise<string> {
  const text = await readFile(join(ROOT, 'docs/guides', file), 'utf8');
  const blocks = [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block = '']) => block);
  const typed = blocks.filter((block) => !block.startsWith('npm '));
  assert.ok(typed.length > 0, `${file} has no shell block`);
  return typed.join('');
}

async function shell(commands: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const script = commands
    .replaceAll('-p 1883', `-p ${muster.server.mqtt.port}`)
    .replaceAll('http://127.0.0.1:8080', muster.url);
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', script], {
    cwd: folder,
    env: {
      PATH: `${folder}:${process.env.PATH}`,
      HOME: folder,
      XDG_CONFIG_HOME: folder,
      XDG_STATE_HOME: folder,
      TZ: 'UTC',
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

for (const { file, programs } of GUIDES) {
  const missing = programs.filter((program) => spawnSync(program, ['--version']).error !== undefined);
  test(`the commands of ${file} work as they stand`, {
    skip: missing.length === 0 ? false : `not installed: ${missing.join(', ')}`,
  }, async () => {
    const { code, output } = await shell(await commandsOf(file));
    assert.equal(code, 0, output);
  });
}

test('a guide whose command fails is noticed', async () => {
  assert.notEqual((await shell('npx muster devices show Nobody | cat\necho done\n')).code, 0);
});
