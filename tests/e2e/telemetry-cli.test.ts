import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { DeviceCreated, ImportReply } from '@muster/contract';
import { startTestServer, TEST_ADMINISTRATOR, type TestServer } from '@muster/server/testing';

/** Measurements at the command line, on the real server. */
const BIN = join(import.meta.dirname, '../../packages/cli/bin/muster.js');
let muster: TestServer;
let folder: string;
let device: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-telemetry-'));
  muster = await startTestServer();
  await writeFile(join(folder, 'password'), `${TEST_ADMINISTRATOR.password}\n`);
  const login = ['login', '--server', muster.url, '--email', TEST_ADMINISTRATOR.email];
  const { code, err } = await run([...login, '--password-file', join(folder, 'password')]);
  assert.equal(code, 0, err);
  const made = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Cellar' });
  device = made.device.deviceId;
  const now = Date.now();
  const points = Array.from({ length: 300 }, (_, nth) => ({
    at: now - nth * 60_000,
    values: { temperature: 20 + Math.sin(nth / 30) * 5, mode: nth === 0 ? '\u001b[2Jgone' : 'eco' },
  }));
  const reply = await fetch(`${muster.url}/device/v1/telemetry`, {
    method: 'POST',
    headers: { authorization: `Bearer ${made.token}` },
    body: JSON.stringify({ points }),
  });
  assert.equal(reply.status, 204);
});
after(async () => {
  await muster.stop();
  await rm(folder, { recursive: true });
});

async function run(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: {
      TZ: 'UTC',
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      XDG_CONFIG_HOME: join(folder, 'config'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const [out = '', err = ''] = await texts;
  return { code, out, err };
}

test('the newest values, without what would steer the terminal', async () => {
  const { code, out, err } = await run(['telemetry', 'latest', 'Cellar']);
  assert.equal(code, 0, err);
  assert.match(out, /^SERIES +VALUE +UNIT +MEASURED\n/);
  assert.match(out, /mode +\ufffd\[2Jgone/);
  assert.match(out, /temperature +20 /);
});

test('a drawing of a series with what it comes to', async () => {
  const { code, out, err } = await run(['telemetry', 'show', 'Cellar', 'temperature', '--from', '6h']);
  assert.equal(code, 0, err);
  assert.match(out, /▁|▂|▃|▄|▅|▆|▇|█/);
  assert.match(out, /min 15\S* · mean \S+ · max 2[45]\S* · last 20 · 300 values/);
  const words = await run(['telemetry', 'show', 'Cellar', 'mode', '--from', '6h']);
  assert.match(words.out, /eco/);
  const none = await run(['telemetry', 'show', 'Cellar', 'temperature', '--from', '2020-01-01', '--to', '2020-01-02']);
  assert.match(none.out, /Nothing in this time/);
  assert.equal((await run(['telemetry', 'show', 'Cellar', 'temperature', '--from', 'soon'])).code, 2);
});

test('out to a file, into another device, and out again: the same', async () => {
  const other = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Copy' });
  for (const format of ['csv', 'ndjson']) {
    const file = join(folder, `out.${format}`);
    const first = await run(['telemetry', 'export', 'Cellar', '--from', '1d', '--format', format, '--out', file]);
    assert.equal(first.code, 0, first.err);
    assert.match(first.err, /600 rows are in/);
    for (let again = 0; again < 2; again++) {
      const { code, out, err } = await run(['telemetry', 'import', other.device.deviceId, file, '--json']);
      assert.equal(code, 0, err);
      assert.deepEqual([(JSON.parse(out) as ImportReply).stored, (JSON.parse(out) as ImportReply).refused], [600, 0]);
    }
    const second = await run(['telemetry', 'export', 'Copy', '--from', '1d', '--format', format]);
    assert.equal(second.out, await readFile(file, 'utf8'));
  }
});

test('a large file goes in parts; lines that are refused keep their number in the whole', async () => {
  const { device: made } = await muster.call<DeviceCreated>('POST', '/api/devices', { name: 'Large' });
  const now = Date.now() - 86_400_000;
  const lines = Array.from({ length: 60_000 }, (_, nth) => `${now + nth},x,string,"part\n${nth} ""quoted""",0,`);
  lines[50_000] = 'never,x,string,y,0,';
  const file = join(folder, 'large.csv');
  await writeFile(file, `at,series,kind,value,seq,unit\n${lines.join('\n')}\n`);
  const { code, err } = await run(['telemetry', 'import', 'Large', file]);
  assert.equal(code, 1, 'refused lines are no success');
  assert.match(err, /59,999 of 60,000 measurements are stored/);
  // the header, and two lines for each record before it
  assert.match(err, new RegExp(`line ${1 + 2 * 50_000 + 1}: "never" is no time`));
  const { rows } = await run([
    'telemetry',
    'export',
    made.deviceId,
    '--from',
    '2d',
    '--out',
    join(folder, 'x'),
    '--json',
  ]).then(({ out }) => JSON.parse(out) as { rows: number });
  assert.ok(rows >= 59_999);
});

test('a whole site', async () => {
  const file = join(folder, 'site.csv');
  const { code, err } = await run(['telemetry', 'export', '--site', muster.siteId, '--series', 'x', '--out', file]);
  assert.equal(code, 2, err);
  const site = await run(['telemetry', 'export', '--site', muster.siteId, '--from', '1d', '--out', file]);
  assert.equal(site.code, 0, site.err);
  assert.match(
    await readFile(file, 'utf8'),
    new RegExp(`^deviceId,at,series,kind,value,seq,unit\r\n[^]*${device},\\d+,temperature`),
  );
});

test('a file that breaks off is no file', async () => {
  const cut = createServer(async (request, response) => {
    if (request.url?.includes('/export') !== true) {
      const { authorization = '' } = request.headers;
      const reply = await fetch(`${muster.url}${request.url}`, { headers: { authorization } });
      response.writeHead(reply.status, { 'content-type': 'application/json' }).end(await reply.text());
      return;
    }
    response.writeHead(200, { 'content-type': 'text/csv' });
    response.write('at,series,kind,value,seq,unit\r\n1,x,number,1,0,\r\n', () => response.destroy());
  });
  await new Promise<void>((resolve) => cut.listen(0, '127.0.0.1', () => resolve()));
  try {
    const url = `http://127.0.0.1:${(cut.address() as AddressInfo).port}`;
    const file = join(folder, 'cut.csv');
    const session = { server: url, token: muster.token, email: TEST_ADMINISTRATOR.email, expiresAt: Date.now() * 2 };
    await writeFile(join(folder, 'config/muster/session.json'), JSON.stringify(session));
    const { code, err } = await run(['telemetry', 'export', device, '--out', file]);
    assert.equal(code, 1);
    assert.match(err, /broke off/);
    assert.ok(
      (await readdir(folder)).every((name) => !name.startsWith('cut.csv')),
      'nothing is left',
    );
  } finally {
    await stop(cut);
  }
});

function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
