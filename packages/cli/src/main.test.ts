import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { DOWNLINK, decodeWav, encodeWav, type Turn } from '@muster/contract';
import { decodeAnswer, encodeSpeech } from '@muster/testkit';
import { BIN, createStubServer, ID, type Routes, refusal, SITE, type StubServer, USER } from './stub-server.fixture.ts';

const ASSISTANT = {
  assistantId: ID(7),
  siteId: ID(2),
  name: 'Muster',
  persona: '',
  language: 'en',
  voice: null,
  allowedTools: null,
  stt: null,
  llm: null,
  tts: null,
  memoryTurns: 10,
  createdAt: 1,
};
const TIMES = {
  speechMs: 900,
  endpointMs: 350,
  heardMs: 470,
  thoughtMs: 480,
  spokenMs: 520,
  firstAudioMs: 530,
  totalMs: 2_000,
};
const TURN: Turn = {
  turnId: ID(4),
  deviceId: ID(3),
  siteId: ID(2),
  startedAt: 1_700_000_000_000,
  cause: 'speech',
  outcome: 'answered',
  errorCode: null,
  stt: 'moonshine',
  llm: 'skills',
  tts: 'flite',
  skill: 'time',
  times: TIMES,
  tools: [],
  heard: null,
  said: null,
};

function device(hardwareId: string) {
  return {
    deviceId: ID(3),
    siteId: ID(2),
    name: 'Kitchen',
    hardwareId,
    serialNumber: null,
    model: 'muster-talk',
    firmwareVersion: '2.4.2',
    simulated: true,
    proof: 'hmac',
    assistantId: null,
    state: 'active',
    profile: null,
    tags: [],
    connected: true,
    keepsConnection: true,
    lastSeenAt: 1_700_000_000_000,
    createdAt: 1,
  };
}

let folder: string;
let server: StubServer;
let turns: Turn[] = [];
let sites = [SITE];
let removed: ReturnType<typeof device>[] = [];
let hardwareId = '02:00:00:00:00:01';

const session = { token: 'secret-token', expiresAt: 9_999_999_999_999, user: USER };
const routes: Routes = {
  'POST /api/setup': () => ({ status: 201, body: session }),
  'POST /api/sessions': ({ body }) =>
    (body as { password: string }).password === 'correct horse battery'
      ? { status: 201, body: session }
      : refusal('SIGN_IN_FAILED', 'E-mail or password is wrong.', 401),
  'DELETE /api/sessions/current': () => ({ status: 204, body: null }),
  'GET /api/me': ({ authorization }) =>
    authorization === 'Bearer secret-token'
      ? { body: { user: USER, memberships: [] } }
      : refusal('SIGN_IN_REQUIRED', 'No valid session; sign in.', 401),
  'GET /api/sites': () => ({ body: { sites } }),
  [`GET /api/sites/${ID(2)}/assistants`]: () => ({ body: { assistants: [ASSISTANT] } }),
  [`GET /api/sites/${ID(8)}/assistants`]: () => ({
    body: { assistants: [{ ...ASSISTANT, assistantId: ID(9), siteId: ID(8) }] },
  }),
  [`PATCH /api/assistants/${ID(7)}`]: () => ({ body: ASSISTANT }),
  'POST /api/sites': ({ body }) => ({ status: 201, body: { ...SITE, ...(body as object) } }),
  [`PATCH /api/sites/${ID(2)}`]: ({ body }) => ({ body: { ...SITE, ...(body as object) } }),
  'GET /api/devices': ({ url }) => {
    const state = new URL(url, 'http://stub').searchParams.get('state');
    const devices = [...removed, device(hardwareId)].filter((one) => state === null || one.state === state);
    return { body: { devices, next: null } };
  },
  [`GET /api/devices/${ID(3)}/turns`]: () => ({ body: { turns, next: null } }),
  [`PATCH /api/devices/${ID(3)}`]: ({ body }) => ({ body: { ...device(hardwareId), ...(body as object) } }),
  'POST /api/devices/activate': ({ body }) => {
    const { code } = body as { code: string };
    if (code !== '123456') return refusal('ACTIVATION_CODE_WRONG', 'No device shows this code now.', 404);
    server.devices.set({ activation: null });
    return { body: { outcome: 'active', deviceId: ID(3), siteId: ID(2), hardwareId } };
  },
  'GET /api/config': () => refusal('REQUEST_INVALID', 'Wrong shape.', 400, ['name is missing', 'age is wrong']),
  'GET /api/providers': () => ({ body: { nothing: 'of ours' } }),
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-'));
  server = await createStubServer(routes);
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

async function muster(args: readonly string[], node = process.execPath, zone = 'UTC'): Promise<Ran> {
  const child = spawn(node, [BIN, ...args], {
    env: {
      TZ: zone,
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      XDG_CONFIG_HOME: join(folder, 'config'),
      XDG_STATE_HOME: join(folder, 'state'),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const [out = '', err = ''] = await texts;
  return { code, out, err };
}

const sessionFile = (): string => join(folder, 'config/muster/session.json');

async function signIn(): Promise<void> {
  const password = join(folder, 'password');
  await writeFile(password, 'correct horse battery\n');
  const { code, err } = await muster([
    'login',
    '--server',
    server.url,
    '--email',
    'ann@example.com',
    '--password-file',
    password,
  ]);
  assert.equal(code, 0, err);
}

test('help, usage errors and exit codes', async () => {
  assert.match((await muster([])).out, /Usage: muster COMMAND/);
  assert.match((await muster(['talk', '--help'])).out, /--out FILE/);
  assert.match((await muster(['--version'])).out, /^muster \d+\.\d+\.\d+\n$/);
  const unknown = await muster(['dance']);
  assert.deepEqual([unknown.code, unknown.out], [2, '']);
  assert.equal(unknown.err, 'muster: There is no command "dance". `muster --help` lists the commands.\n');
  assert.match((await muster(['--server', 'http://x', 'devices'])).err, /Put --server after the command/);
  const word = await muster(['devices', 'frob']);
  assert.equal(word.code, 2);
  assert.match(word.err, /^muster: There is no command "devices frob"\. /);
  assert.match((await muster(['config'])).out, /^Commands\n/);
  const missing = await muster(['turns']);
  assert.deepEqual([missing.code, missing.err], [2, 'muster: DEVICE is missing. See muster turns --help\n']);
  assert.equal((await muster(['turns', 'x', '--limit', 'many'])).code, 2);
});

test('values that the server would refuse are refused here, in plain words', async () => {
  await signIn();
  const key = join(folder, 'key');
  await writeFile(key, 'not hex');
  const requests = server.seen.length;
  const refused = async (args: readonly string[], sentence: RegExp): Promise<void> => {
    const { code, err } = await muster(args);
    assert.equal(code, 2, err);
    assert.match(err, sentence);
  };
  await refused(['login'], /^muster: Give --email \(there is no terminal to ask in\)\. See muster login --help\n$/);
  await refused(['login', '--email', 'ann'], /"ann" is no e-mail address\./);
  await refused(['turns', 'Kitchen', '--limit', '0'], /--limit takes a whole number from 1 to 500, not "0"\./);
  await refused(['turns', 'Kitchen', '--limit', '--json'], /^muster: Option '--limit' argument is ambiguous\. See/);
  await refused(['devices', '--limit', '0'], /--limit takes a whole number from 1 on, not "0"\./);
  await refused(['devices', 'register-key', 'SN-1', '--key-file', key], /A key has 32 to 128 hex digits/);
  await refused(['devices', 'rename', 'Kitchen', ''], /The name is empty\./);
  await refused(['assistants', 'set', 'Muster', '--memory', '51'], /--memory takes a whole number from 0 to 50/);
  await refused(['assistants', 'set', 'Muster', '--llm', ','], /--llm takes 1 to 5 names/);
  assert.equal(server.seen.length, requests, 'something was sent');
  await muster(['logout']);
});

test('signs in, keeps the session private, sends it only where it came from, and signs out', async () => {
  const wrong = await muster(['whoami', '--server', server.url]);
  assert.deepEqual(
    [wrong.code, wrong.err],
    [1, `muster: No valid session; sign in. Run: muster login --server ${server.url}\n`],
  );
  await signIn();
  assert.equal((await stat(sessionFile())).mode & 0o777, 0o600);
  const me = await muster(['whoami']);
  assert.equal(me.out, `Ann <ann@example.com>, administrator, on ${server.url}\n`);
  const requests = server.seen.length;
  assert.equal((await muster(['whoami', '--server', server.url.replace('127.0.0.1', 'localhost')])).code, 1);
  assert.equal(server.seen.length, requests, 'a token left for another server');
  assert.equal((await muster(['logout'])).code, 0);
  await assert.rejects(stat(sessionFile()), { code: 'ENOENT' });
});

test('a wrong password and a server that is not there say what to do', async () => {
  const password = join(folder, 'wrong');
  await writeFile(password, 'wrong');
  const args = ['login', '--email', 'ann@example.com', '--password-file', password, '--server'];
  const refused = await muster([...args, server.url]);
  assert.deepEqual([refused.code, refused.out], [1, '']);
  assert.equal(refused.err, 'muster: E-mail or password is wrong. Check both and try again.\n');
  const nobody = await muster([...args, 'http://127.0.0.1:9']);
  assert.equal(nobody.code, 1);
  assert.match(nobody.err, /^muster: No answer from http:\/\/127\.0\.0\.1:9\. Is the server running/);
});

test('the set-up link makes the administrator', async () => {
  const password = join(folder, 'password');
  await writeFile(password, 'correct horse battery');
  const link = `${server.url}/setup?token=abc%20def`;
  const args = ['setup', link, '--email', 'ann@example.com', '--name', 'Ann', '--password-file', password];
  const requests = server.seen.length;
  const { code, err } = await muster(args, process.execPath, 'Asia/Ho_Chi_Minh');
  assert.equal(code, 0, err);
  assert.match(err, /Your site is Home, time zone Asia\/(?:Ho_Chi_Minh|Saigon)\.\n$/);
  const [asked, , changed] = server.seen.slice(requests);
  assert.match(JSON.stringify(changed?.body), /^{"timeZone":"Asia\//);
  assert.equal(changed?.authorization, 'Bearer secret-token');
  assert.deepEqual(asked?.body, {
    token: 'abc def',
    email: 'ann@example.com',
    name: 'Ann',
    password: 'correct horse battery',
  });
  assert.equal((await muster(['setup', 'http://127.0.0.1/other'])).code, 2);
});

test('sites, devices and answers that make no sense', async () => {
  await signIn();
  assert.deepEqual(JSON.parse((await muster(['sites', '--json'])).out), [SITE]);
  assert.match((await muster(['sites'])).out, /^NAME .*\nHome /);
  await muster(['sites', 'set', 'home', '--keep-words', 'yes', '--time-zone', 'Asia/Ho_Chi_Minh']);
  assert.deepEqual(server.seen.at(-1)?.body, { timeZone: 'Asia/Ho_Chi_Minh', keepWords: true });
  await muster(['sites', 'set', 'home', '--keep-days', '30']);
  assert.deepEqual(server.seen.at(-1)?.body, { telemetryKeepDays: 30 });
  assert.equal((await muster(['sites', 'set', 'home', '--keep-days', '31'])).code, 2);
  assert.equal((await muster(['sites', 'set', 'home', '--kind', 'castle'])).code, 2);
  assert.match((await muster(['devices', 'rename', 'kitchen', 'Hall'])).err, /Kitchen is called Hall now/);
  assert.match((await muster(['devices', 'rename', 'attic', 'Hall'])).err, /There is no device "attic"/);
  assert.match((await muster(['config', 'show'])).err, /Wrong shape\. \(name is missing; age is wrong\)/);
  assert.match((await muster(['providers'])).err, /something that is no Muster answer/);
});

test('devices that were removed are out of the way of those that are there', async () => {
  await signIn();
  removed = [{ ...device('old'), deviceId: ID(9), state: 'revoked' }];
  const { out } = await muster(['devices']);
  assert.match(out, / connected /);
  assert.doesNotMatch(out, / revoked /);
  assert.match((await muster(['devices', '--revoked'])).out, / revoked /);
  const { code, err } = await muster(['devices', 'rename', 'Kitchen', 'Hall']);
  assert.equal(code, 0, err);
  // the server looks for the name, however many devices there are
  assert.ok(server.seen.some(({ url }) => url.includes('called=Kitchen')));
  removed = [];
});

test('draws the time line of turns', async () => {
  await signIn();
  turns = [
    TURN,
    {
      ...TURN,
      turnId: ID(5),
      outcome: 'failed',
      errorCode: 'THINKING_TIMEOUT',
      times: { ...TIMES, thoughtMs: null, spokenMs: null, firstAudioMs: null },
    },
  ];
  const { out, code } = await muster(['turns', 'Kitchen', '--limit', '2']);
  assert.equal(code, 0);
  assert.match(out, /░+▒+▓█+ /);
  assert.match(out, /0\.53 s {2}answered {2}moonshine > skills:time > flite/);
  assert.match(out, /wait 350 · hear 120 · think 10 · speak 50 ms/);
  assert.match(out, /failed THINKING_TIMEOUT/);
  assert.ok(server.seen.some(({ url }) => url.endsWith('turns?limit=2')));
  assert.match(out, /\nwords are not kept here: muster sites set Home --keep-words yes\n$/);
  turns = [{ ...TURN, heard: 'what time is it' }];
  assert.doesNotMatch((await muster(['turns', 'Kitchen'])).out, /words are not kept/);
});

test('a site tells assistants of the same name apart', async () => {
  await signIn();
  sites = [SITE, { ...SITE, siteId: ID(8), name: 'Plant' }];
  const unknown = await muster(['assistants', 'set', 'Muster', '--site', 'Shop', '--memory', '5']);
  assert.deepEqual([unknown.code, unknown.err], [1, 'muster: There is no site "Shop".\n']);
  const { code, err } = await muster(['assistants', 'set', 'Muster', '--site', 'Home', '--memory', '5']);
  assert.equal(code, 0, err);
  assert.deepEqual(server.seen.at(-1)?.body, { memoryTurns: 5 });
  assert.match((await muster(['assistants', 'set', 'Muster', '--memory', '5'])).err, /2 of them are called "Muster"/);
  sites = [SITE];
});

test('talks: activates itself, says the question, writes the answer, and is the same device the next time', async () => {
  await signIn();
  turns = [];
  const tone = (rate: number, ms: number): Int16Array =>
    Int16Array.from({ length: (rate * ms) / 1000 }, (_, i) => 8_000 * Math.sin((2 * Math.PI * 440 * i) / rate));
  const question = join(folder, 'question.wav');
  await writeFile(question, encodeWav(tone(44_100, 400), 44_100));
  const answer = encodeSpeech(tone(16_000, 600)).packets;
  server.devices.set({
    activation: { code: '123456', challenge: 'prove it' },
    onPeer(peer) {
      peer
        .got((message) => message.type === 'listen')
        .then(async () => {
          while (peer.packets.length < 7) await new Promise((resolve) => setTimeout(resolve, 20));
          await peer.answer('what time is it', answer);
        })
        .then(() => turns.unshift({ ...TURN, turnId: ID(6 + turns.length) }))
        .catch(assert.fail);
    },
  });
  const out = join(folder, 'answer.wav');
  const deviceFile = join(folder, 'state/muster/device.json');
  await assert.rejects(stat(deviceFile), { code: 'ENOENT' });
  const checkIns = server.devices.checkIns.length;

  // the stub must name the device as the device names itself, which is known only after its first check-in
  const known = setInterval(() => {
    const body = server.devices.checkIns[checkIns]?.body;
    if (body !== undefined) hardwareId = (JSON.parse(body) as { board: { mac: string } }).board.mac;
  }, 5);
  const first = await muster(['talk', question, '--out', out, '--json', '--server', server.url]);
  clearInterval(known);
  assert.equal(first.code, 0, first.err);
  const report = JSON.parse(first.out) as { heard: string; said: string; times: Record<string, number>; turn: Turn };
  assert.equal(report.heard, 'what time is it');
  assert.equal(report.turn.turnId, ID(6));
  assert.ok((report.times.firstAudioMs ?? -1) >= (report.times.heardMs ?? 0));
  const wav = decodeWav(await readFile(out));
  assert.deepEqual([wav.sampleRate, wav.pcm.length], [DOWNLINK.sample_rate, decodeAnswer(answer).length]);
  assert.equal((await stat(deviceFile)).mode & 0o777, 0o600);

  const second = await muster(['talk', question, '--device-name', 'Hall']);
  assert.equal(second.code, 0, second.err);
  assert.match(second.err, /is "Kitchen" already; rename it with: muster devices rename "Kitchen" "Hall"\n/);
  assert.match(second.out, /^heard {3}what time is it\nsaid {4}what time is it\ntime .* first sound \d+ ms/);
  const devices = server.devices.checkIns
    .slice(checkIns)
    .map(({ body }) => (JSON.parse(body) as { board: { mac: string } }).board.mac);
  assert.equal(new Set(devices).size, 1);

  const elsewhere = await muster(['talk', question, '--site', 'Shop']);
  assert.deepEqual([elsewhere.code, elsewhere.err], [1, 'muster: There is no site "Shop".\n']);

  server.devices.set({ onPeer: null });
  const silence = join(folder, 'silence.wav');
  await writeFile(silence, encodeWav(new Int16Array(1_600), 16_000));
  const unheard = await muster(['talk', silence]);
  assert.equal(unheard.code, 1);
  assert.equal(unheard.err, `muster: No speech was heard in ${silence}. Play it; or try --hold.\n`);
});

test('bad recordings, bad identities and missing files are refused by name', async () => {
  const text = join(folder, 'text.wav');
  await writeFile(text, 'not a recording');
  assert.match(
    (await muster(['talk', text])).err,
    /^muster: .*text\.wav is not a WAV file with 16-bit PCM\. Convert it: sox /,
  );
  assert.match((await muster(['talk', folder])).err, /^muster: .* is a folder, not a WAV file\.\n$/);
  const nowhere = await muster(['talk', text, '--out', join(folder, 'none/answer.wav')]);
  assert.match(nowhere.err, /^muster: The folder .*none does not exist\.\n$/);
  assert.match((await muster(['talk', text, '--out', folder])).err, /is a folder, not a WAV file\.\n$/);
  assert.match((await muster(['talk', join(folder, 'none.wav')])).err, /^muster: There is no file .*none\.wav\./);
  const identity = join(folder, 'state/muster/device.json');
  await writeFile(identity, '{"hardwareId":1}');
  await writeFile(text, encodeWav(new Int16Array(160), 16_000));
  const damaged = await muster(['talk', text]);
  assert.deepEqual([damaged.code, /delete .*device\.json/.test(damaged.err)], [1, true]);
});

test('hands over from an old Node, and keeps exit code and output', async () => {
  const old = join(folder, 'old-node.mjs');
  // A runtime that claims to be Node 20, as far as bin/muster.js can tell.
  await writeFile(
    old,
    `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });
    process.argv.splice(1, 1);
    await import(process.argv[1]);\n`,
  );
  const wrapper = join(folder, 'node20');
  await writeFile(wrapper, `#!/bin/sh\nexec "${process.execPath}" "${old}" "$@"\n`);
  await chmod(wrapper, 0o755);
  const { code, err } = await muster(['dance'], wrapper);
  assert.equal(code, 2);
  assert.match(err, /There is no command "dance"/);
});
