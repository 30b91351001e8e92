import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hardwareAddress } from './fingerprint.ts';
import { IDENTITY_FILE, loadIdentity, saveIdentity } from './identity-file.ts';

const folder = (): Promise<string> => mkdtemp(join(tmpdir(), 'muster-identity-'));
const fixture = new URL('identity-writer.fixture.ts', import.meta.url).pathname;

test('makes an identity once, for the owner of the process only', async () => {
  const home = join(await folder(), 'new');
  const first = await loadIdentity(home);
  assert.deepEqual(await loadIdentity(home), first);
  assert.equal(first.activatedBy, null);
  const path = join(home, IDENTITY_FILE);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await chmod(path, 0o644);
  await loadIdentity(home);
  assert.equal((await stat(path)).mode & 0o777, 0o600, 'closed again');
  assert.deepEqual(await readdir(home), [IDENTITY_FILE]);
});

test('a damaged file is said so with what to do, and is never replaced', async () => {
  const home = await folder();
  const whole = JSON.stringify(await loadIdentity(home));
  const path = join(home, IDENTITY_FILE);
  for (const content of ['', '{', whole.slice(0, 40), '{}', '[]', whole.replace('"version":1', '"version":2')]) {
    await writeFile(path, content);
    await assert.rejects(loadIdentity(home), (error: Error) => {
      assert.match(error.message, /Put back a copy.*revoke the old device/);
      return 'code' in error && error.code === 'IDENTITY_DAMAGED';
    });
    assert.equal(await readFile(path, 'utf8'), content);
  }
});

test('kill -9 at any moment of a write leaves a whole identity', async () => {
  const home = await folder();
  const before = await loadIdentity(home);
  for (let round = 0; round < 4; round++) {
    const child = spawn(process.execPath, [fixture, home], { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve) => child.stdout.once('data', resolve));
    await new Promise((resolve) => setTimeout(resolve, round * 7));
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    const after = await loadIdentity(home);
    assert.equal(after.clientId, before.clientId);
    assert.match(after.activatedBy ?? '', /^https:\/\/server-\d+\/$/);
  }
  await saveIdentity(home, before);
  assert.deepEqual(await loadIdentity(home), before, 'a left-over draft is no obstacle');
});

test('takes the address of a real network interface, or makes one up that says so', () => {
  const card = (mac: string, internal = false) => [
    { address: '', netmask: '', family: 'IPv4' as const, mac, internal, cidr: null },
  ];
  const found = hardwareAddress({
    docker0: card('02:42:00:00:00:01'),
    eth0: card('AA:BB:CC:DD:EE:FF'),
    lo: card('00:00:00:00:00:00', true),
  });
  assert.equal(found, 'aa:bb:cc:dd:ee:ff');
  assert.match(hardwareAddress({}), /^02(:[0-9a-f]{2}){5}$/);
  assert.notEqual(hardwareAddress({}), hardwareAddress({}));
});
