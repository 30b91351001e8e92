import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Device, DeviceList } from '@muster/contract';
import { startTestServer, type TestServer } from '@muster/server/testing';

const BIN = join(import.meta.dirname, '../../packages/cli/bin/muster.js');
const started = new Set<ChildProcess>();
let server: TestServer;
let home: string;

before(async () => {
  server = await startTestServer();
  home = await mkdtemp(join(tmpdir(), 'muster-simulate-'));
  await signIn(server);
});

after(async () => {
  for (const child of started) child.kill('SIGKILL');
  await server?.stop();
  await rm(home, { recursive: true, force: true });
});

async function signIn({ url, token }: TestServer): Promise<void> {
  await mkdir(join(home, 'config/muster'), { recursive: true });
  const session = { server: url, token, email: 'ada@example.com', expiresAt: Date.now() + 3_600_000 };
  await writeFile(join(home, 'config/muster/session.json'), JSON.stringify(session));
}

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly notes: string;
}

/** Runs the program; `during` is called once, when it says that its devices are made. */
async function muster(args: readonly string[], during?: (child: ChildProcess) => void): Promise<Ended> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...process.env, XDG_CONFIG_HOME: join(home, 'config'), XDG_STATE_HOME: join(home, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.add(child);
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  let out = '';
  let notes = '';
  let told = false;
  child.stdout.on('data', (chunk) => {
    out += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    notes += String(chunk);
    if (told || !notes.includes('devices made')) return;
    told = true;
    during?.(child);
  });
  const code = await new Promise<number | null>((resolve) => void child.once('close', resolve));
  clearTimeout(limit);
  started.delete(child);
  return { code, out, notes };
}

async function devicesOf(state: 'active' | 'revoked'): Promise<Device[]> {
  const { devices } = await server.call<DeviceList>(
    'GET',
    `/api/devices?state=${state}&tag=simulated-fleet&limit=1000`,
  );
  return devices;
}

test('a fleet is made, speaks over every wire, is kept, used again, and removed', async () => {
  const size = ['--devices', '12', '--rate', '600'];
  const first = await muster(['simulate', ...size, '--seconds', '3', '--keep', '--json']);
  assert.equal(first.code, 0, first.notes);
  const report = JSON.parse(first.out) as { connected: number; acked: number; dropped: number; refused: number };
  assert.equal(report.connected, 12, first.notes);
  assert.ok(report.acked > 12, first.out);
  assert.deepEqual([report.dropped, report.refused], [0, 0]);
  const kept = await devicesOf('active');
  assert.equal(kept.length, 12);
  assert.ok(kept.every(({ simulated, profile }) => simulated && profile !== null));
  const file = join(home, 'state/muster/fleet.json');
  assert.equal((await stat(file)).mode & 0o777, 0o600, 'tokens are for their owner only');

  const second = await muster(['simulate', ...size, '--seconds', '1', '--wire', 'http']);
  assert.equal(second.code, 0, second.notes);
  assert.match(second.notes, /0 devices made, 12 of an earlier run/);
  assert.match(second.out, /acknowledged/);
  assert.deepEqual(await devicesOf('active'), []);
  assert.equal((await devicesOf('revoked')).length, 12);
  assert.deepEqual((JSON.parse(await readFile(file, 'utf8')) as { servers: object }).servers, {});
});

test('Ctrl-C ends a fleet in order: its devices are removed', async () => {
  const { code, notes, out } = await muster(['simulate', '--devices', '5', '--profile', 'robot'], (child) => {
    child.kill('SIGINT');
  });
  assert.equal(code, 0, notes);
  assert.match(notes, /5 devices removed/);
  assert.match(out, /devices +5/);
  assert.deepEqual(await devicesOf('active'), []);
});

test('tokens that are lost are made anew for the devices that are there', async () => {
  const kept = await muster(['simulate', '--devices', '3', '--seconds', '1', '--rate', '600', '--keep']);
  assert.equal(kept.code, 0, kept.notes);
  const file = join(home, 'state/muster/fleet.json');
  const { owner } = JSON.parse(await readFile(file, 'utf8')) as { owner: string };
  await writeFile(file, JSON.stringify({ owner, servers: {} }));
  const again = await muster(['simulate', '--devices', '3', '--seconds', '1', '--rate', '600']);
  assert.equal(again.code, 0, again.notes);
  assert.match(again.notes, /0 devices made, 3 of an earlier run/);
});

test('what makes no sense is refused before anything is made', async () => {
  const cases: [string[], RegExp][] = [
    [['--profile', 'toaster'], /There is no profile "toaster". There are: camera, /],
    [['--profile', 'sensor=0'], /share of sensor is a number above 0/],
    [['--wire', 'pigeon'], /--wire takes mqtt, http, websocket or mixed/],
    [['--devices', '0'], /from 1 to 20000/],
  ];
  for (const [args, words] of cases) {
    const { code, notes } = await muster(['simulate', ...args]);
    assert.equal(code, 2, notes);
    assert.match(notes, words);
  }
  assert.deepEqual(await devicesOf('active'), []);
});

test('a server for proper devices only says which setting it is', async () => {
  const strict = await startTestServer({ flags: ['--devices.allowSimulated=false', '--mqtt.enabled=false'] });
  try {
    await signIn(strict);
    const { code, notes } = await muster(['simulate', '--devices', '1']);
    assert.equal(code, 1);
    assert.match(notes, /devices\.allowSimulated is false/);
    // and the API does not take the word of a client that does not ask
    const body = { devices: [{ name: 'x', simulated: true }] };
    await assert.rejects(strict.call('POST', '/api/devices/batch', body), { code: 'FORBIDDEN' });
  } finally {
    await strict.stop();
  }
});
