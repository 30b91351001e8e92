import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createStubServer, ID, type Routes, runMuster, type StubServer, USER } from './stub-server.fixture.ts';

/** The record of incidents, against a server that answers from a table. */
const KNOWN_AT = Date.UTC(2026, 10, 27, 8);
const duty = (name: string, state: string, dueAt: number | null) => ({
  duty: name,
  state,
  dueAt,
  doneAt: null,
  reference: null,
  late: false,
});
const INCIDENT = {
  incidentId: ID(7),
  kind: 'exploited-vulnerability',
  title: 'Tokens can be guessed',
  knownAt: KNOWN_AT,
  correctiveAt: null,
  releases: [],
  components: [],
  facts: {},
  openedAt: KNOWN_AT,
  closedAt: null,
  duties: [
    duty('early-warning', 'soon', KNOWN_AT + 86_400_000),
    duty('notification', 'open', KNOWN_AT + 3 * 86_400_000),
    duty('final-report', 'waiting', null),
  ],
};
const PATH = `/api/incidents/${ID(7)}`;
const routes: Routes = {
  'POST /api/sessions': () => ({
    status: 201,
    body: { token: 'secret-token', expiresAt: 9_999_999_999_999, user: USER },
  }),
  'GET /api/incidents': () => ({ body: { incidents: [INCIDENT] } }),
  'POST /api/incidents': () => ({ status: 201, body: INCIDENT }),
  [`GET ${PATH}`]: () => ({
    body: {
      incident: INCIDENT,
      timeline: [{ at: KNOWN_AT, by: 'ann@example.com', deed: 'opened', note: 'known\u001b[2J' }],
    },
  }),
  [`PATCH ${PATH}`]: () => ({ body: INCIDENT }),
  [`POST ${PATH}/duties/early-warning`]: () => ({ body: INCIDENT }),
  [`POST ${PATH}/close`]: () => ({ body: INCIDENT }),
  [`GET ${PATH}/export`]: ({ url }) => ({ body: { asked: url } }),
};

let folder: string;
let server: StubServer;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'muster-cli-'));
  server = await createStubServer(routes);
  const password = join(folder, 'password');
  await writeFile(password, 'correct horse battery\n');
  const login = ['login', '--server', server.url, '--email', 'ann@example.com', '--password-file', password];
  assert.equal((await muster(login)).code, 0);
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const muster = (args: readonly string[]) => runMuster(folder, args);
const sent = () => server.seen.at(-1)?.body;

test('incidents are listed with the report that is due next, and nothing in a note steers the terminal', async () => {
  const { out, err } = await muster(['incidents']);
  assert.match(
    out,
    /soon +early-warning +2026-11-28T08:00:00\.000Z +exploited-vulnerability +Tokens can be guessed/,
    err,
  );
  const shown = (await muster(['incidents', 'show', ID(7)])).out;
  assert.ok(!shown.includes('\u001b'));
  assert.match(shown, /2026-11-27T08:00:00\.000Z +ann@example\.com +opened/);
  assert.match((await muster(['incidents', 'show', 'Tokens'])).err, /"Tokens" is no id of an incident/);
});

test('an incident is opened, changed, reported and closed with what was typed', async () => {
  const made = await muster([
    ...['incidents', 'open', 'Tokens', '--kind', 'exploited-vulnerability', '--known', '2026-11-27 08:00'],
    ...['--releases', '0.1.0, 0.2.0', '--facts', '{"memberStates":["DE"]}'],
  ]);
  assert.equal(made.code, 0, made.err);
  assert.match(made.out, new RegExp(`^${ID(7)}\n`));
  assert.deepEqual(sent(), {
    title: 'Tokens',
    kind: 'exploited-vulnerability',
    knownAt: KNOWN_AT,
    releases: ['0.1.0', '0.2.0'],
    facts: { memberStates: ['DE'] },
  });
  assert.equal((await muster(['incidents', 'change', ID(7), '--fixed', '2026-11-27 09:30'])).code, 0);
  assert.deepEqual(sent(), { correctiveAt: KNOWN_AT + 5_400_000 });
  assert.equal((await muster(['incidents', 'done', ID(7), 'early-warning', '--reference', 'EUVD-1'])).code, 0);
  assert.deepEqual(sent(), { reference: 'EUVD-1' });
  assert.equal((await muster(['incidents', 'close', ID(7), 'not exploited'])).code, 0);
  assert.deepEqual(sent(), { note: 'not exploited' });
  for (const [args, sentence] of [
    [['open', 'Tokens'], /--kind is one of exploited-vulnerability, severe-incident/],
    [['change', ID(7)], /Say what changes/],
    [['done', ID(7), 'early-bird'], /DUTY is one of early-warning/],
  ] as const) {
    const refused = await muster(['incidents', ...args]);
    assert.equal(refused.code, 2);
    assert.match(refused.err, sentence);
  }
});

test('an incident is exported to a file', async () => {
  const file = join(folder, 'incident.md');
  const { code, err } = await muster(['incidents', 'export', ID(7), '--out', file]);
  assert.equal(code, 0, err);
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { asked: `${PATH}/export?format=markdown` });
});
