import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createStubServer, ID, type Routes, runMuster, SITE, type StubServer, USER } from './stub-server.fixture.ts';

/** Alerts, who is told of them, and devices made by hand, against a server that answers from a table. */
const ALERT = {
  alertId: ID(5),
  ruleId: ID(6),
  ruleKind: 'threshold',
  ruleName: 'Too hot',
  siteId: ID(2),
  deviceId: ID(3),
  subject: ID(3),
  severity: 'major',
  state: 'open',
  fact: 'temp is 81; limit: above 80',
  openedAt: 1,
  closedAt: null,
  acknowledgedAt: null,
  acknowledgedBy: null,
  assignedTo: null,
  snoozedUntil: null,
  escalatedAt: null,
  suppressedBy: null,
};
const RULE = {
  ruleId: ID(6),
  siteId: ID(2),
  name: 'Too hot',
  kind: 'threshold',
  params: {},
  severity: 'major',
  scope: 'site',
  scopeValue: null,
  enabled: true,
  notifiers: [],
  remindMs: null,
  escalateMs: null,
  escalateTo: null,
  escalateNotifiers: [],
  createdAt: 1,
  changedAt: 1,
};

const NOTIFIER = {
  notifierId: ID(9),
  siteId: ID(2),
  kind: 'ntfy',
  name: 'Phone',
  settings: { topic: 'our-home' },
  hasSecrets: false,
  enabled: true,
  createdAt: 1,
};

const DEVICE = {
  deviceId: ID(3),
  siteId: ID(2),
  name: 'Kitchen',
  hardwareId: '02:00:00:00:00:01',
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

let folder: string;
let server: StubServer;

const session = { token: 'secret-token', expiresAt: 9_999_999_999_999, user: USER };
const routes: Routes = {
  'POST /api/sessions': () => ({ status: 201, body: session }),
  'GET /api/sites': () => ({ body: { sites: [SITE] } }),
  'GET /api/devices': () => ({ body: { devices: [DEVICE], next: null } }),
  [`GET /api/devices/${ID(3)}`]: () => ({ body: DEVICE }),
  [`PATCH /api/devices/${ID(3)}`]: ({ body }) => ({ body: { ...DEVICE, ...(body as object) } }),
  'POST /api/devices': ({ body }) => ({
    status: 201,
    body: { device: { ...DEVICE, ...(body as object) }, token: 'token-of-the-device' },
  }),
  'POST /api/devices/batch': ({ body }) => ({
    status: 201,
    body: {
      devices: (body as { devices: { token: string }[] }).devices.map(({ token, ...wanted }) => ({
        device: { ...DEVICE, ...wanted },
        token,
      })),
    },
  }),
  [`POST /api/devices/${ID(3)}/tokens`]: () => ({ status: 201, body: { token: 'another-token' } }),
  'GET /api/alerts': ({ url }) => ({ body: { alerts: url.includes('state=open') ? [ALERT] : [], next: null } }),
  [`POST /api/alerts/${ID(5)}/acknowledge`]: () => ({ body: { ...ALERT, acknowledgedAt: 2 } }),
  'POST /api/alert-rules': ({ body }) => ({ status: 201, body: { ...RULE, ...(body as object) } }),
  'GET /api/notifiers': () => ({ body: { notifiers: [NOTIFIER] } }),
  'POST /api/notifiers': ({ body }) => {
    const { secrets, ...wanted } = body as { secrets?: object };
    return { status: 201, body: { ...NOTIFIER, ...wanted, hasSecrets: secrets !== undefined } };
  },
  [`POST /api/notifiers/${ID(9)}/test`]: () => ({ body: { delivered: false, detail: 'It answered 403' } }),
};

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-'));
  server = await createStubServer(routes);
  await signIn();
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const muster = (args: readonly string[]) => runMuster(folder, args);

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

test('alerts are listed and taken, and rules are made from what was typed', async () => {
  assert.match((await muster(['alerts'])).out, /major .*Kitchen +Too hot .*temp is 81; limit: above 80/);
  assert.match((await muster(['alerts', '--closed'])).out, /None\./);
  assert.match(
    (await muster(['alerts', 'show', 'Too hot'])).err,
    /"Too hot" is no id of an alert; `muster alerts` shows/,
  );
  assert.equal((await muster(['alerts', 'ack', ID(5), 'on my way'])).code, 0);
  assert.deepEqual(server.seen.at(-1)?.body, { comment: 'on my way' });
  const params = '{"series":"temp","limit":80}';
  const made = await muster(['alert-rules', 'add', 'Too hot', 'threshold', '--params', params, '--for', 'tag=kitchen']);
  assert.equal(made.code, 0, made.err);
  assert.deepEqual(server.seen.at(-1)?.body, {
    name: 'Too hot',
    kind: 'threshold',
    params: { series: 'temp', limit: 80 },
    scope: 'tag',
    scopeValue: 'kitchen',
    siteId: ID(2),
  });
  assert.match((await muster(['alert-rules', 'add', 'x', 'threshold', '--params', '{'])).err, /--params is not JSON/);
  assert.match(
    (await muster(['alert-rules', 'add', 'x', 'threshold', '--for', 'kitchen'])).err,
    /--for takes profile=/,
  );
});

test('devices are made by hand, given their tokens, and marked', async () => {
  const made = await muster(['devices', 'create', 'Greenhouse', '--profile', 'sensor', '--tags', 'north,glass']);
  assert.deepEqual([made.code, made.out], [0, 'token-of-the-device\n']);
  assert.match(made.err, /^Greenhouse is made .* not shown again\.\n$/);
  const wanted = { name: 'Greenhouse', profile: 'sensor', tags: ['north', 'glass'], siteId: ID(2) };
  assert.deepEqual(server.seen.at(-1)?.body, wanted);
  assert.equal((await muster(['devices', 'token', 'Kitchen'])).out, 'another-token\n');
  assert.match((await muster(['devices', 'set', 'Kitchen', '--tags', 'none', '--profile', 'robot'])).err, /no tags/);
  assert.deepEqual(server.seen.at(-1)?.body, { profile: 'robot', tags: [] });
  assert.equal((await muster(['devices', 'set', 'Kitchen'])).code, 2);
});

test('a fleet comes in with its tokens, and a file that does not fit sends nothing', async () => {
  const file = join(folder, 'fleet.csv');
  const first = 'k3XvQ9bTz7LmN2pRs8Wc';
  await writeFile(
    file,
    `name,token,profile,tags\n"Hall, left",${first},sensor,floor-1 north\nAttic,Zb4Yt6Hn1Qw8Er5Ux2Ka,,\n`,
  );
  const { code, out, err } = await muster(['devices', 'import', file, '--json']);
  assert.equal(code, 0, err);
  assert.deepEqual(
    (JSON.parse(out) as { name: string }[]).map(({ name }) => name),
    ['Hall, left', 'Attic'],
  );
  assert.deepEqual(server.seen.at(-1)?.body, {
    siteId: ID(2),
    devices: [
      { name: 'Hall, left', token: first, profile: 'sensor', tags: ['floor-1', 'north'] },
      { name: 'Attic', token: 'Zb4Yt6Hn1Qw8Er5Ux2Ka' },
    ],
  });
  const requests = server.seen.length;
  for (const [text, sentence] of [
    ['name,token\nHall,short\n', /line 2 has fewer than 20 characters/],
    [`name,token\nHall,${first}\nAttic,${first}\n`, /lines 2 and 3 are the same/],
    [`name,secret\nHall,${first}\n`, /no column "secret"/],
    [`name,token\n,${first}\n`, /name in line 2 is empty/],
  ] as const) {
    await writeFile(file, text);
    const refused = await muster(['devices', 'import', file]);
    assert.equal(refused.code, 2);
    assert.match(refused.err, sentence);
    assert.ok(!refused.err.includes(first));
  }
  assert.equal(server.seen.length, requests, 'something was sent');
});

test('who is told: added with secrets from a file, tried, and named in a rule', async () => {
  assert.match((await muster(['notifiers'])).out, /Phone +ntfy +\{"topic":"our-home"\} +no/);
  const file = join(folder, 'secrets.json');
  await writeFile(file, '{"token":"a-secret"}');
  const args = ['notifiers', 'add', 'Phone', 'ntfy', '--settings', '{"topic":"our-home"}', '--secrets-file', file];
  const made = await muster(args);
  assert.equal(made.code, 0, made.err);
  assert.deepEqual(server.seen.at(-1)?.body, {
    name: 'Phone',
    kind: 'ntfy',
    settings: { topic: 'our-home' },
    secrets: { token: 'a-secret' },
    siteId: ID(2),
  });
  assert.doesNotMatch(made.out + made.err, /a-secret/);
  const tried = await muster(['notifiers', 'test', 'phone']);
  assert.deepEqual([tried.code, tried.err], [1, 'muster: It answered 403.\n']);
  assert.equal((await muster(['alert-rules', 'add', 'Silent', 'no-data', '--tell', 'Phone'])).code, 0);
  assert.deepEqual(server.seen.at(-1)?.body, {
    name: 'Silent',
    kind: 'no-data',
    notifiers: [ID(9)],
    siteId: ID(2),
  });
  await writeFile(file, 'a-secret');
  const broken = await muster(args);
  assert.equal(broken.code, 2);
  assert.doesNotMatch(broken.err, /a-secret/);
});
