import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Encoder } from '@evan/opus';
import { decodeWav, encodeWav } from '@muster/contract';
import { createScriptedServer, type ScriptedServer } from '@muster/testkit';

const MAIN = new URL('main.ts', import.meta.url).pathname;
const ANSWER = answerPackets(600);
let server: ScriptedServer;
let folder = '';
let question = '';
const children = new Set<ChildProcess>();

before(async () => {
  server = await createScriptedServer();
  folder = await mkdtemp(join(tmpdir(), 'muster-device-'));
  question = join(folder, 'question.wav');
  const tone = Int16Array.from({ length: 16_000 * 0.6 }, (_, i) => 9_000 * Math.sin(i / 6));
  await writeFile(question, encodeWav(tone, 16_000));
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await server.close();
});

function answerPackets(ms: number): Uint8Array[] {
  const encoder = new Encoder({ channels: 1, sample_rate: 24_000, application: 'audio' });
  const pcm = Int16Array.from({ length: ms * 24 }, (_, i) => 9_000 * Math.sin(i / 9));
  return Array.from({ length: ms / 60 }, (_, i) => encoder.encode(pcm.subarray(i * 1_440, (i + 1) * 1_440)));
}

interface Running {
  readonly child: ChildProcess;
  readonly output: () => string;
  readonly exit: Promise<number | null>;
  readonly health: () => Promise<{ status: number; body: { ready: boolean; parts: { state: string }[] } }>;
  says(what: RegExp): Promise<void>;
}

function start(name: string, ...flags: string[]): Running {
  const all = ['--data-dir', join(folder, name), '--audio', 'file', '--health-port', '0', ...flags];
  const given = flags.includes('--server') ? [] : ['--server', server.otaUrl];
  const child = spawn(process.execPath, [MAIN, ...all, ...given], { stdio: ['pipe', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString('utf8');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  const exit = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  return {
    child,
    exit,
    output: () => output,
    async health() {
      const port = /"health page is open","port":(\d+)/.exec(output)?.[1];
      const reply = await fetch(`http://127.0.0.1:${port}/health`);
      return { status: reply.status, body: (await reply.json()) as { ready: boolean; parts: { state: string }[] } };
    },
    async says(what) {
      await until(() => what.test(output));
    },
  };
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (isTrue()) return;
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  assert.fail('it did not happen in 30 s');
}

test('from the code to the spoken answer, then exit 0', async () => {
  server.set({ activation: { code: '135790', challenge: 'chal' }, pollStatuses: [200] });
  const out = join(folder, 'out.wav');
  const device = start('first', '--in', question, '--out', out, '--speak-code', 'false');
  await device.says(/1 3 5 7 9 0/);
  await until(() => server.proofs.length > 0);
  server.set({ activation: null });
  const peer = await server.nextPeer();
  await peer.got((message) => message.type === 'listen' && message.mode === 'auto');
  await until(() => peer.packets.length >= 10);
  await peer.answer('what time is it', ANSWER);
  assert.equal(await device.exit, 0, device.output());
  const played = decodeWav(await readFile(out));
  assert.equal(played.sampleRate, 24_000);
  assert.equal(played.pcm.length, ANSWER.length * 1_440);
  assert.ok(Math.max(...played.pcm.subarray(9_000)) > 5_000, 'it is the tone');

  const identity = JSON.parse(await readFile(join(folder, 'first', 'identity.json'), 'utf8'));
  const proof = JSON.parse(server.proofs[0]?.body ?? '');
  const hmac = createHmac('sha256', Buffer.from(identity.hmacKey, 'hex')).update('chal').digest('hex');
  assert.deepEqual(proof, { algorithm: 'hmac-sha256', serial_number: identity.serialNumber, challenge: 'chal', hmac });
  assert.equal(peer.asked.headers['device-id'], identity.hardwareId);
  assert.equal(peer.asked.headers.authorization, 'Bearer scripted-token');
  assert.ok(server.checkIns[0]?.body.includes(identity.hmacKey), 'a stranger shows its key');

  const again = start('first', '--in', question);
  const second = await server.nextPeer();
  assert.ok(!server.checkIns.at(-1)?.body.includes(identity.hmacKey), 'and never again');
  await second.got((message) => message.type === 'listen');
  again.child.kill('SIGTERM');
  assert.equal(await again.exit, 0);
});

test('stays connected while idle, comes back after a drop, and its health tells the truth', async () => {
  const device = start('second', '--mode', 'manual');
  const peer = await server.nextPeer();
  await device.says(/Connected/);
  assert.deepEqual((await device.health()).status, 200);
  server.set({ refuse: true });
  peer.drop();
  await device.says(/"msg":"the connection ended"/);
  const down = await device.health();
  assert.equal(down.status, 503);
  assert.equal(down.body.ready, false);
  const checkIns = server.checkIns.length;
  await device.says(/cannot connect/);
  server.set({ refuse: false });
  const next = await server.nextPeer();
  assert.ok(server.checkIns.length > checkIns, 'a refused token leads back to the check-in');
  await next.answer('a reminder', ANSWER);
  next.close(1000);
  const quiet = await server.nextPeer();
  await until(() => device.output().split('Connected').length === 4);
  assert.equal((await device.health()).status, 200);
  assert.ok(!quiet.messages.some(({ type }) => type === 'listen'), 'nobody pressed');
  assert.equal(quiet.packets.length, 0);
  device.child.kill('SIGTERM');
  assert.equal(await device.exit, 0, device.output());
});

test('a server that lies, floods and stalls is survived', async () => {
  const device = start('third', '--mode', 'manual');
  const peer = await server.nextPeer();
  const bad: (string | object)[] = ['not json', '[]', '{"type":5}', { type: 'tts' }, { type: 'system', command: 'rm' }];
  for (const message of bad) peer.send(message);
  peer.send({ type: 'system', command: 'reboot' });
  await device.says(/allowReboot forbids/);
  peer.send(`{"type":"mcp","payload":${'['.repeat(20_000)}${']'.repeat(20_000)}}`);
  for (let id = 0; id < 200; id++) {
    peer.send({ type: 'mcp', payload: { jsonrpc: '2.0', id, method: 'tools/call', params: { name: 'self.reboot' } } });
  }
  await peer.got((message) => JSON.stringify(message).includes('allowReboot is false'));
  peer.send({ type: 'tts', state: 'start' });
  for (let i = 0; i < 50; i++) peer.sendRaw(Uint8Array.of(1, 2, 3, 255, 255, 9, 9, 9));
  peer.sendRaw(new Uint8Array(9_000));
  peer.send({ type: 'tts', state: 'stop' });
  peer.send({ type: 'mcp', payload: { jsonrpc: '2.0', id: 999, method: 'initialize', params: {} } });
  await peer.got((message) => JSON.stringify(message).includes('"id":999'));
  assert.equal((await device.health()).status, 200);
  peer.sendRaw(new Uint8Array(200_000));
  const next = await server.nextPeer();
  assert.ok(next.isOpen(), 'a frame over the limit ends the channel, not the device');
  device.child.kill('SIGTERM');
  assert.equal(await device.exit, 0, device.output());
});

test('a server that cannot be reached is never a yes, and the device stops when told', async () => {
  server.set({ checkInStatus: 500 });
  const device = start('fourth');
  await device.says(/does not answer the check-in/);
  assert.equal((await device.health()).status, 503);
  assert.equal(JSON.parse(await readFile(join(folder, 'fourth', 'identity.json'), 'utf8')).activatedBy, null);
  device.child.kill('SIGTERM');
  assert.equal(await device.exit, 0, device.output());
  server.set({ checkInStatus: 200 });
});

test('says in one sentence what is wrong, and exits 1', async () => {
  await mkdir(join(folder, 'damaged'));
  await writeFile(join(folder, 'damaged', 'identity.json'), '{');
  const plain = start('fifth', '--server', 'http://8.8.8.8/xiaozhi/ota/');
  const typo = start('fifth', '--tls', 'off');
  const damaged = start('damaged');
  assert.deepEqual(await Promise.all([plain.exit, typo.exit, damaged.exit]), [1, 1, 1]);
  assert.match(plain.output(), /CONFIG_INVALID: 8\.8\.8\.8 is not on a private network/);
  assert.match(typo.output(), /--tls is not a setting/);
  assert.match(damaged.output(), /IDENTITY_DAMAGED: .*Put back a copy/);
  assert.doesNotMatch(typo.output() + damaged.output(), /\bat .*\.ts:/, 'no stack');
});

test('a certificate that nobody vouches for is refused; one more authority can be named', async () => {
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject],
    { stdio: 'ignore' },
  );
  let asked = 0;
  const https = createServer({ key: await readFile(key), cert: await readFile(cert) }, (_request, response) => {
    asked++;
    response.end(JSON.stringify({ websocket: { url: server.wsUrl, token: 't' } }));
  });
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const url = `https://localhost:${(https.address() as AddressInfo).port}/xiaozhi/ota/`;
  const wary = start('sixth', '--server', url);
  await wary.says(/does not answer the check-in/);
  assert.equal(asked, 0);
  wary.child.kill('SIGTERM');
  await wary.exit;
  const trusting = start('sixth', '--server', url, '--ca', cert);
  await server.nextPeer();
  assert.equal(asked, 1);
  trusting.child.kill('SIGTERM');
  assert.equal(await trusting.exit, 0, trusting.output());
  https.closeAllConnections();
  https.close();
});

test('the code is spoken through the speaker when espeak-ng is there', async () => {
  const has = spawn('espeak-ng', ['--version'], { stdio: 'ignore' });
  const isThere = await new Promise((resolve) => {
    has.on('error', () => resolve(false));
    has.on('close', (status) => resolve(status === 0));
  });
  server.set({ activation: { code: '246813', challenge: 'chal' }, pollStatuses: [202] });
  const out = join(folder, 'spoken.wav');
  const device = start('seventh', '--log-level', 'debug', '--out', out);
  await device.says(/2 4 6 8 1 3/);
  await device.says(isThere ? /speaking the code/ : /only printed/);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  device.child.kill('SIGTERM');
  assert.equal(await device.exit, 0, device.output());
  const loudest = decodeWav(await readFile(out)).pcm.reduce((most, sample) => Math.max(most, sample), 0);
  assert.equal(loudest > 1_000, isThere, `loudest sample ${loudest}`);
  server.set({ activation: null });
});
