import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { Alert, Duty, DutyName, Incident, IncidentDetail, IncidentList } from '@muster/contract';
import { Client } from 'pg';
import { startTestServer, type TestServer } from '../../testing.ts';

const HOUR = 3_600_000;
let server: TestServer;

before(async () => {
  server = await startTestServer({ flags: ['--security.contact=mailto:security@example.com'] });
});
after(() => server?.stop());

const open = (over: object = {}): Promise<Incident> =>
  server.call('POST', '/api/incidents', {
    kind: 'exploited-vulnerability',
    title: 'Tokens can be guessed',
    releases: ['0.1.0'],
    components: ['pkg:npm/pg@8.23.1'],
    ...over,
  });
const detail = ({ incidentId }: Incident): Promise<IncidentDetail> =>
  server.call('GET', `/api/incidents/${incidentId}`);
const of = (incident: Incident, name: DutyName): Duty | undefined => incident.duties.find(({ duty }) => duty === name);
const close = ({ incidentId }: Incident): Promise<Incident> =>
  server.call('POST', `/api/incidents/${incidentId}/close`, { note: 'the test is over' });

test('a record goes from its opening to the final report, with every step in its timeline', async () => {
  const made = await open({ knownAt: Date.now() - 2 * HOUR });
  assert.equal(of(made, 'early-warning')?.dueAt, made.knownAt + 24 * HOUR);
  assert.equal(of(made, 'final-report')?.state, 'waiting');
  const path = `/api/incidents/${made.incidentId}`;
  await assert.rejects(server.call('POST', `${path}/duties/final-report`, {}), { code: 'CONFLICT' });
  const warned: Incident = await server.call('POST', `${path}/duties/early-warning`, { reference: 'EUVD-1' });
  assert.deepEqual([of(warned, 'early-warning')?.state, of(warned, 'early-warning')?.reference], ['done', 'EUVD-1']);
  await server.call('POST', `${path}/duties/notification`, { doneAt: Date.now() - HOUR });
  const correctiveAt = Date.now();
  const fixed: Incident = await server.call('PATCH', path, { correctiveAt, facts: { impact: 'all devices' } });
  assert.equal(of(fixed, 'final-report')?.dueAt, correctiveAt + 14 * 24 * HOUR);
  const more: Incident = await server.call('PATCH', path, { facts: { advice: 'update' } });
  assert.deepEqual(more.facts, { impact: 'all devices', advice: 'update' }, 'facts are added');
  await server.call('POST', `${path}/notes`, { note: 'the customer was told' });
  const corrected: Incident = await server.call('POST', `${path}/duties/early-warning`, { reference: 'EUVD-2' });
  assert.equal(of(corrected, 'early-warning')?.reference, 'EUVD-2');
  await server.call('POST', `${path}/duties/final-report`, {});
  await close(made);
  const { timeline } = await detail(made);
  assert.deepEqual(
    timeline.map(({ deed }) => deed),
    ['opened', 'submitted', 'submitted', 'changed', 'changed', 'noted', 'put right', 'submitted', 'closed'],
  );
  assert.ok(timeline.every(({ by }) => by === 'ada@example.com'));
  assert.match(
    timeline[1]?.note ?? '',
    /^early-warning submitted at .*, reference EUVD-1$/,
    'what was put right stays',
  );
  const { incidents } = await server.call<IncidentList>('GET', '/api/incidents?closed=true');
  assert.ok(incidents.some(({ incidentId }) => incidentId === made.incidentId));
});

test('instants that cannot be are refused, and nothing is stored of them', async () => {
  await assert.rejects(open({ knownAt: Date.now() + HOUR }), { code: 'REQUEST_INVALID' });
  const made = await open();
  const path = `/api/incidents/${made.incidentId}`;
  for (const [method, where, body] of [
    ['PATCH', path, { correctiveAt: Date.now() + HOUR }],
    ['PATCH', path, { knownAt: Date.now() + HOUR }],
    ['POST', `${path}/duties/early-warning`, { doneAt: Date.now() + HOUR }],
    ['POST', `${path}/duties/early-warning`, { doneAt: made.knownAt - 1 }],
    ['POST', `${path}/duties/early-bird`, {}],
    ['POST', `${path}/notes`, { note: '' }],
  ] as const) {
    await assert.rejects(
      server.call(method, where, body),
      { code: 'REQUEST_INVALID' },
      `${where} ${JSON.stringify(body)}`,
    );
  }
  const { incident, timeline } = await detail(made);
  assert.deepEqual([incident, timeline.length], [made, 1]);
  await close(made);
  await assert.rejects(close(made), { code: 'CONFLICT' });
  const reopened: Incident = await server.call('POST', `${path}/reopen`, { note: 'too early' });
  assert.equal(of(reopened, 'early-warning')?.state, 'open');
  await close(made);
});

test('the timeline cannot be changed or deleted, not even in the database', async () => {
  const made = await open();
  const pid = await readFile(`${server.dataDir}/pg/postmaster.pid`, 'utf8');
  const host = encodeURIComponent(pid.split('\n')[4] ?? '');
  const client = new Client({ connectionString: `postgresql://muster@/muster?host=${host}` });
  await client.connect();
  try {
    for (const sql of [
      "UPDATE incident_events SET note = 'nothing happened'",
      'DELETE FROM incident_events',
      'TRUNCATE incident_events',
    ]) {
      await assert.rejects(client.query(sql), /never changed or deleted/, sql);
    }
  } finally {
    await client.end();
  }
  assert.equal((await detail(made)).timeline[0]?.deed, 'opened');
  await close(made);
});

test('a record is exported as JSON and as Markdown in which text of people stays text', async () => {
  const made = await open({
    title: 'A | B <b>',
    facts: { description: '# Not a heading\n| not | a table |', unlawful: true },
  });
  const read = async (format: string): Promise<Response> =>
    fetch(`${server.url}/api/incidents/${made.incidentId}/export?format=${format}`, {
      headers: { authorization: `Bearer ${server.token}` },
    });
  const json = await read('json');
  assert.match(json.headers.get('content-disposition') ?? '', /^attachment; filename="incident-[0-9a-f-]+\.json"$/);
  assert.deepEqual(await json.json(), await detail(made));
  const markdown = await read('markdown');
  assert.equal(markdown.headers.get('content-type'), 'text/markdown; charset=utf-8');
  const text = await markdown.text();
  assert.match(text, /^# A \\\| B \\<b\\>\n/);
  assert.match(text, /\n> \\# Not a heading\n> \\\| not \\\| a table \\\|\n/);
  assert.match(text, /\| early-warning \| \d{4}-\d\d-\d\dT.*Z \| not known \| {2}\| open \|/);
  assert.match(text, /unlawful or malicious acts suspected \| yes/);
  await close(made);
});

test('only administrators see records, and a stranger learns nothing of them', async () => {
  const made = await open();
  const anonymous = await fetch(`${server.url}/api/incidents/${made.incidentId}`);
  assert.equal(anonymous.status, 401);
  await assert.rejects(server.call('GET', '/api/incidents/0190b3f4-9d60-7b3c-8a52-000000000001'), {
    code: 'NOT_FOUND',
  });
  await close(made);
});

test('a report that is due raises an alert of the server, and submitting it ends the alert', async () => {
  const alert = async (): Promise<Alert | undefined> => {
    const { alerts } = await server.call<{ alerts: Alert[] }>('GET', '/api/alerts?state=open');
    return alerts.find(({ ruleName }) => ruleName === 'A report to the authority is due');
  };
  const until = async (wanted: boolean): Promise<Alert | undefined> => {
    for (let tries = 0; tries < 200; tries++) {
      const found = await alert();
      if ((found !== undefined) === wanted) return found;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the alert is ${wanted ? 'not' : 'still'} there`);
  };
  await until(false);
  const made = await open({ knownAt: Date.now() - 13 * HOUR });
  assert.equal((await until(true))?.severity, 'critical');
  const headers = { authorization: `Bearer ${server.token}` };
  assert.match(await (await fetch(`${server.url}/metrics`, { headers })).text(), /^muster_reports_due 1$/m);
  await server.call('POST', `/api/incidents/${made.incidentId}/duties/early-warning`, {});
  await until(false);
  await close(made);
});

test('anybody reads whom to tell of a vulnerability, as the configuration has it', async () => {
  const reply = await fetch(`${server.url}/.well-known/security.txt`);
  assert.match(await reply.text(), /^Contact: mailto:security@example\.com\n/);
});
