import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Command, CommandRun, Device, Group, Twin } from '@muster/contract';
import { BIN, createStubServer, ID, type Routes, refusal, SITE, type StubServer, USER } from './stub-server.fixture.ts';

/** Commands, twins and groups at the command line, against a server that answers from a table. */
const LAMP: Device = {
  deviceId: ID(3),
  siteId: ID(2),
  name: 'Lamp',
  hardwareId: 'lamp-1',
  serialNumber: null,
  model: null,
  firmwareVersion: null,
  simulated: false,
  proof: 'none',
  assistantId: null,
  state: 'active',
  profile: null,
  tags: ['lamp', 'hall'],
  connected: true,
  keepsConnection: true,
  lastSeenAt: 1,
  createdAt: 1,
};
const COMMAND: Command = {
  commandId: ID(4),
  deviceId: ID(3),
  siteId: ID(2),
  name: 'blink',
  args: { times: 3 },
  commandClass: 'act',
  state: 'queued',
  progress: null,
  result: null,
  error: null,
  attempts: 0,
  sentBy: `user:${ID(1)}`,
  runId: null,
  createdAt: 1_000,
  deadlineAt: 11_000,
  sentAt: null,
  ackedAt: null,
  endedAt: null,
};
const TWIN: Twin = {
  desired: { led: { on: true }, volume: 3 },
  desiredVersion: 4,
  reported: { led: { on: false }, volume: 3, firmware: '2' },
  reportedVersion: 9,
  delta: { led: { on: true } },
  desiredTimes: { 'led.on': 1_000, volume: 1_000 },
  reportedTimes: { 'led.on': 500, volume: 2_000, firmware: 2_000 },
};
const GROUP: Group = {
  groupId: ID(5),
  siteId: ID(2),
  name: 'Lamps',
  query: { all: [{ tag: 'lamp' }], any: [{ reported: 'wifi.rssi', below: -70 }, { connected: false }] },
  createdAt: 1,
};
const RUN: CommandRun = {
  runId: ID(6),
  siteId: ID(2),
  groupId: ID(5),
  name: 'blink',
  args: {},
  state: 'running',
  atOnce: 2,
  stopAfterFailures: null,
  devices: 4,
  waiting: 2,
  refused: 0,
  failed: 0,
  counts: { sent: 2 },
  sentBy: `user:${ID(1)}`,
  createdAt: 1_000,
  endedAt: null,
};

let server: StubServer;
let folder: string;
let ended: Command;
let run: CommandRun;

const routes: Routes = {
  'POST /api/sessions': () => ({
    status: 201,
    body: { token: 't'.repeat(43), expiresAt: 4_102_444_800_000, user: USER },
  }),
  'GET /api/sites': () => ({ body: { sites: [SITE] } }),
  'GET /api/devices': () => ({ body: { devices: [LAMP], next: null } }),
  [`POST /api/devices/${ID(3)}/commands`]: () => ({ status: 201, body: COMMAND }),
  [`GET /api/commands/${ID(4)}`]: () => ({ body: ended }),
  [`GET /api/devices/${ID(3)}/commands`]: () => ({ body: { commands: [ended, COMMAND], next: null } }),
  [`GET /api/devices/${ID(3)}/twin`]: () => ({ body: TWIN }),
  [`PATCH /api/devices/${ID(3)}/twin/desired`]: ({ body }) =>
    (body as { version?: number }).version === 3
      ? refusal('TWIN_CONFLICT', 'The twin has version 4 now, not 3. Read it again.', 409)
      : { body: TWIN },
  'GET /api/groups': () => ({ body: { groups: [GROUP, { ...GROUP, groupId: ID(7), name: 'List', query: null }] } }),
  'POST /api/groups': () => ({ status: 201, body: GROUP }),
  [`GET /api/groups/${ID(5)}/devices`]: () => ({ body: { devices: [LAMP], next: ID(3) } }),
  [`DELETE /api/groups/${ID(5)}`]: () => ({ status: 204, body: null }),
  [`POST /api/groups/${ID(5)}/commands`]: () => ({ status: 201, body: RUN }),
  [`GET /api/command-runs/${ID(6)}`]: () => ({ body: run }),
  'GET /api/command-runs': () => ({ body: { runs: [run], next: null } }),
  [`GET /api/command-runs/${ID(6)}/devices`]: () => ({
    body: {
      devices: [
        {
          deviceId: ID(3),
          name: 'Lamp',
          commandId: ID(4),
          state: 'rejected',
          error: { code: 'LID_OPEN', message: 'Close the lid.' },
        },
        {
          deviceId: ID(8),
          name: 'Old',
          commandId: null,
          state: null,
          error: { code: 'COMMAND_UNKNOWN', message: 'It cannot.' },
        },
      ],
      next: null,
    },
  }),
  [`POST /api/command-runs/${ID(6)}/cancel`]: () => ({
    body: { ...RUN, state: 'cancelled', counts: { cancelled: 2 } },
  }),
};

before(async () => {
  server = await createStubServer(routes);
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-fleet-'));
  const password = join(folder, 'password');
  await writeFile(password, 'correct horse battery\n');
  const login = ['login', '--server', server.url, '--email', 'ann@example.com', '--password-file', password];
  const { code, err } = await muster(login);
  assert.equal(code, 0, err);
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(() => {
  ended = { ...COMMAND, state: 'confirmed', result: { blinked: 3 }, endedAt: 1_250 };
  run = { ...RUN, state: 'done', waiting: 0, counts: { confirmed: 4 }, endedAt: 2_000 };
});

async function muster(args: readonly string[]): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: {
      TZ: 'UTC',
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      XDG_CONFIG_HOME: folder,
      XDG_STATE_HOME: folder,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  const texts = Promise.all([child.stdout, child.stderr].map(async (stream) => (await stream.toArray()).join('')));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const [out = '', err = ''] = await texts;
  return { code, out, err };
}

async function refused(args: readonly string[], sentence: RegExp): Promise<void> {
  const { code, err } = await muster(args);
  assert.equal(code, 2, err);
  assert.match(err, sentence);
}

test('a command that is sent is not said to be done', async () => {
  const { code, out } = await muster(['send', 'Lamp', 'blink', '{"times":3}', '--class', 'set', '--deadline', '5']);
  assert.deepEqual([code, out], [0, `queued  ${ID(4)}\n`]);
  const { url, body } = server.seen.at(-1) ?? {};
  assert.equal(url, `/api/devices/${ID(3)}/commands?waitMs=0`);
  assert.deepEqual(body, { name: 'blink', args: { times: 3 }, commandClass: 'set', deadlineMs: 5_000 });
});

test('who waits hears the end, and the exit code says whether it was done', async () => {
  const done = await muster(['send', 'lamp-1', 'blink', '--wait']);
  assert.deepEqual([done.code, done.out], [0, `confirmed  ${ID(4)}  0.25 s  {"blinked":3}\n`]);
  ended = { ...ended, state: 'rejected', result: null, error: { code: 'LID_OPEN', message: 'Close the lid.' } };
  const rejected = await muster(['send', 'Lamp', 'blink', '--wait']);
  assert.deepEqual([rejected.code, rejected.err], [1, 'muster: Close the lid.\n']);
  assert.match(rejected.out, /^rejected .* LID_OPEN: Close the lid\.\n$/);
  ended = {
    ...ended,
    state: 'unknown',
    error: { code: 'COMMAND_UNCONFIRMED', message: 'It may or may not have happened.' },
  };
  const unknown = await muster(['send', 'Lamp', 'blink', '--wait', '--json']);
  assert.deepEqual([unknown.code, (JSON.parse(unknown.out) as Command).state], [1, 'unknown']);
});

test('what is typed wrong is refused before anything is sent', async () => {
  const requests = server.seen.length;
  await refused(['send', 'Lamp'], /NAME is missing/);
  await refused(['send', 'Lamp', 'blink', '{times:3}'], /ARGS is not JSON\./);
  await refused(['send', 'Lamp', 'blink', '[3]'], /ARGS is no JSON object\./);
  await refused(['send', 'Lamp', 'blink', '{}', 'more'], /"more" is one word too many\./);
  await refused(['send', 'Lamp', 'blink', '--class', 'never'], /--class takes read, set, act, slow, not "never"\./);
  await refused(['twin', 'set', 'Lamp'], /FIELD is missing\./);
  await refused(['twin', 'set', 'Lamp', 'led'], /"led" is no PATH=VALUE\./);
  await refused(['twin', 'set', 'Lamp', 'led..on=1'], /"led..on=1" is no PATH=VALUE\./);
  await refused(['twin', 'set', 'Lamp', 'led=1', 'led.on=1'], /"led.on=1" is below another field of yours\./);
  await refused(['groups', 'create', 'G'], /Name devices, or give --tags or --query\./);
  await refused(['groups', 'create', 'G', 'Lamp', '--tags', 'a'], /Name devices, or give --tags or --query\./);
  await refused(
    ['groups', 'send', 'Lamps', 'blink', '--at-once', '0'],
    /--at-once takes a whole number from 1 to 1000/,
  );
  assert.equal(server.seen.length, requests, 'something was sent');
});

test('lists the commands of a device', async () => {
  const { out } = await muster(['commands', 'Lamp', '--limit', '2']);
  const [head, first, second] = out.split('\n');
  assert.match(head ?? '', /^STATE +NAME +TOOK +OUTCOME +SENT BY +AT +ID$/);
  assert.match(first ?? '', /^confirmed +blink +0\.25 s +\{"blinked":3\} /);
  assert.match(second ?? '', /^queued +blink /);
  assert.ok(server.seen.some(({ url }) => url.endsWith('/commands?limit=2')));
});

test('shows a twin field by field, and sets fields by their path', async () => {
  const { out } = await muster(['twin', 'Lamp']);
  assert.match(out, /^FIELD +WANTED +REPORTED +CHANGED\n/);
  assert.match(out, /\nled\.on +true +false +differs /);
  assert.match(out, /\nfirmware +— +"2" /);
  assert.match(out, /\nwanted: version 4, reported: version 9\n$/);
  const set = await muster(['twin', 'set', 'Lamp', 'led.on=true', 'led.colour=blue', 'list=[1,2]', 'old=', 'text="5"']);
  assert.deepEqual([set.code, set.err], [0, 'Lamp has 1 field yet to change.\n']);
  assert.deepEqual(server.seen.at(-1)?.body, {
    patch: { led: { on: true, colour: 'blue' }, list: [1, 2], old: null, text: '5' },
  });
  const stale = await muster(['twin', 'set', 'Lamp', 'a=1', '--version', '3']);
  assert.deepEqual([stale.code, stale.err], [1, 'muster: The twin has version 4 now, not 3. Read it again.\n']);
});

test('makes groups of devices, tags and queries, and says what is in them', async () => {
  assert.match((await muster(['groups'])).out, /\nLamps +tag lamp and \(wifi\.rssi below -70 or connected false\) /);
  const list = await muster(['groups', 'create', 'G', 'Lamp', 'lamp-1', '--site', 'Home']);
  assert.equal(list.code, 0, list.err);
  assert.deepEqual(server.seen.at(-1)?.body, { name: 'G', siteId: ID(2), deviceIds: [ID(3), ID(3)] });
  const made = await muster(['groups', 'create', 'G', '--tags', 'lamp,hall', '--query', '{"any":[{"name":"x"}]}']);
  assert.equal(made.code, 0, made.err);
  assert.deepEqual(server.seen.at(-1)?.body, {
    name: 'G',
    siteId: ID(2),
    query: { all: [{ tag: 'lamp' }, { tag: 'hall' }], any: [{ name: 'x' }] },
  });
  const members = await muster(['groups', 'members', 'lamps']);
  assert.match(members.out, /\nLamp +connected +lamp hall /);
  assert.match(members.err, /There are more: --limit N/);
  assert.match((await muster(['groups', 'delete', 'Lamps'])).err, /The group Lamps is gone\./);
  assert.match((await muster(['groups', 'delete', 'Lights'])).err, /There is no group "Lights"\./);
});

test('sends to a group, follows it, and lists what failed', async () => {
  const done = await muster(['groups', 'send', 'Lamps', 'blink', '{"times":1}', '--at-once', '2', '--stop-after', '5']);
  assert.deepEqual([done.code, done.out], [0, 'blink done: 4 confirmed\n']);
  const asked = server.seen.find(({ method, url }) => method === 'POST' && url === `/api/groups/${ID(5)}/commands`);
  assert.deepEqual(asked?.body, { name: 'blink', args: { times: 1 }, atOnce: 2, stopAfterFailures: 5 });

  run = { ...run, state: 'stopped', waiting: 1, refused: 1, failed: 2, counts: { confirmed: 1, rejected: 1 } };
  const stopped = await muster(['groups', 'send', 'Lamps', 'blink']);
  assert.equal(stopped.code, 1);
  assert.match(stopped.out, /^blink stopped: 1 confirmed, 1 rejected, 1 refused, 1 not sent\nNAME /);
  assert.match(stopped.out, /\nLamp +rejected +LID_OPEN: Close the lid\./);
  assert.match(stopped.out, /\nOld +refused +COMMAND_UNKNOWN: It cannot\./);
  assert.equal(stopped.err, 'muster: 3 of 4 did not confirm it.\n');

  const left = await muster(['groups', 'send', 'Lamps', 'blink', '--no-wait']);
  assert.deepEqual([left.code, left.err], [0, `It goes on without you. See: muster runs show ${ID(6)}\n`]);
  assert.match((await muster(['runs'])).out, /\nstopped +blink +3 of 4 +2 /);
  assert.match((await muster(['runs', 'cancel', ID(6)])).out, /^blink cancelled: 2 cancelled, 2 not sent\n$/);
  assert.equal((JSON.parse((await muster(['runs', 'show', ID(6), '--json'])).out) as CommandRun).runId, ID(6));
});
